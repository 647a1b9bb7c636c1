#pragma once

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/weak.h"

// The OpenSSL of the process: Node.js exports its own, and this library ships and links none. Every function used here
// is declared weak below, so that the binary loads without OpenSSL, and unavailable() says what is missing. Compiled
// against OpenSSL 3.0, whose functions exist in all versions of 3.x.
// clang-format off
#define ROCKET_OPENSSL_FUNCTIONS(each) \
  each(ASN1_STRING_get0_data) \
  each(ASN1_STRING_length) \
  each(ASN1_TIME_to_tm) \
  each(BIO_clear_flags) \
  each(BIO_ctrl) \
  each(BIO_free) \
  each(BIO_get_data) \
  each(BIO_get_new_index) \
  each(BIO_meth_new) \
  each(BIO_meth_set_create) \
  each(BIO_meth_set_ctrl) \
  each(BIO_meth_set_read_ex) \
  each(BIO_meth_set_write_ex) \
  each(BIO_new) \
  each(BIO_new_mem_buf) \
  each(BIO_set_data) \
  each(BIO_set_flags) \
  each(BIO_set_init) \
  each(ERR_clear_error) \
  each(ERR_peek_error) \
  each(ERR_reason_error_string) \
  each(EVP_DecryptInit_ex) \
  each(EVP_Digest) \
  each(EVP_EncryptInit_ex) \
  each(EVP_MAC_CTX_set_params) \
  each(EVP_PKEY_free) \
  each(EVP_aes_128_cbc) \
  each(EVP_sha256) \
  each(OPENSSL_cleanse) \
  each(OPENSSL_sk_free) \
  each(OPENSSL_sk_num) \
  each(OPENSSL_sk_value) \
  each(OSSL_PARAM_construct_end) \
  each(OSSL_PARAM_construct_octet_string) \
  each(OSSL_PARAM_construct_utf8_string) \
  each(OpenSSL_version_num) \
  each(PEM_read_bio_Parameters) \
  each(PEM_read_bio_PrivateKey) \
  each(PEM_read_bio_X509) \
  each(PEM_read_bio_X509_CRL) \
  each(PKCS12_free) \
  each(PKCS12_parse) \
  each(RAND_bytes) \
  each(SSL_CTX_add_client_CA) \
  each(SSL_CTX_check_private_key) \
  each(SSL_CTX_ctrl) \
  each(SSL_CTX_free) \
  each(SSL_CTX_get_cert_store) \
  each(SSL_CTX_new) \
  each(SSL_CTX_sess_set_new_cb) \
  each(SSL_CTX_set0_tmp_dh_pkey) \
  each(SSL_CTX_set_alpn_select_cb) \
  each(SSL_CTX_set_cipher_list) \
  each(SSL_CTX_set_ciphersuites) \
  each(SSL_CTX_set_default_verify_paths) \
  each(SSL_CTX_set_msg_callback) \
  each(SSL_CTX_set_options) \
  each(SSL_CTX_set_security_level) \
  each(SSL_CTX_set_session_id_context) \
  each(SSL_CTX_set_session_ticket_cb) \
  each(SSL_CTX_set_timeout) \
  each(SSL_CTX_set_tlsext_ticket_key_evp_cb) \
  each(SSL_CTX_set_verify) \
  each(SSL_CTX_use_PrivateKey) \
  each(SSL_CTX_use_certificate) \
  each(SSL_SESSION_free) \
  each(SSL_SESSION_get0_ticket_appdata) \
  each(SSL_SESSION_is_resumable) \
  each(SSL_SESSION_set1_ticket_appdata) \
  each(SSL_SESSION_set_timeout) \
  each(SSL_ctrl) \
  each(SSL_do_handshake) \
  each(SSL_free) \
  each(SSL_get0_alpn_selected) \
  each(SSL_get0_param) \
  each(SSL_get0_verified_chain) \
  each(SSL_get1_peer_certificate) \
  each(SSL_get_error) \
  each(SSL_get_ex_data) \
  each(SSL_get_session) \
  each(SSL_get_verify_result) \
  each(SSL_has_pending) \
  each(SSL_is_server) \
  each(SSL_new) \
  each(SSL_read_ex) \
  each(SSL_session_reused) \
  each(SSL_set1_host) \
  each(SSL_set_accept_state) \
  each(SSL_set_alpn_protos) \
  each(SSL_set_bio) \
  each(SSL_set_connect_state) \
  each(SSL_set_ex_data) \
  each(SSL_set_hostflags) \
  each(SSL_set_session) \
  each(SSL_shutdown) \
  each(SSL_write_ex) \
  each(TLS_method) \
  each(X509_CRL_free) \
  each(X509_CRL_get0_nextUpdate) \
  each(X509_STORE_add_cert) \
  each(X509_STORE_add_crl) \
  each(X509_STORE_set_flags) \
  each(X509_VERIFY_PARAM_set1_ip_asc) \
  each(X509_check_issued) \
  each(X509_free) \
  each(X509_get0_notAfter) \
  each(X509_get0_notBefore) \
  each(X509_get_subject_name) \
  each(X509_verify_cert_error_string) \
  each(d2i_PKCS12_bio) \
  each(i2d_X509) \
  each(i2d_X509_NAME)
// clang-format on

#define ROCKET_DECLARE_WEAK(name) extern "C" ROCKET_WEAK decltype(::name) name;
ROCKET_OPENSSL_FUNCTIONS(ROCKET_DECLARE_WEAK)
#undef ROCKET_DECLARE_WEAK

namespace rocket::tls {

/// Why this process cannot use TLS; empty if it can. Must be called before anything else here.
std::string unavailable();

inline void free_it(SSL_CTX* what) { SSL_CTX_free(what); }
inline void free_it(SSL* what) { SSL_free(what); }
inline void free_it(BIO* what) { BIO_free(what); }
inline void free_it(X509* what) { X509_free(what); }
inline void free_it(X509_CRL* what) { X509_CRL_free(what); }
inline void free_it(EVP_PKEY* what) { EVP_PKEY_free(what); }
inline void free_it(SSL_SESSION* what) { SSL_SESSION_free(what); }
inline void free_it(PKCS12* what) { PKCS12_free(what); }

struct FreeIt {
  template <typename T>
  void operator()(T* what) const {
    free_it(what);
  }
};
template <typename T>
using Owned = std::unique_ptr<T, FreeIt>;

}  // namespace rocket::tls
