export function checkServiceName(_name: string): void {}
export function checkAddress(_address: string, _options?: { allowUnix?: boolean }): void {}
export function checkWeight(_weight: number): void {}
export function checkMetadata(_metadata: Readonly<Record<string, string>>): void {}
