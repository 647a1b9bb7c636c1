{
  # As in CMakeLists.txt: -mtune, and link-time optimisation where the compiler is GCC, since clang would need another
  # linker for it.
  "variables": {
    "lto": "<!(${CXX:-g++} -dM -E -x c++ /dev/null 2>/dev/null | grep -q __clang__ || echo -flto=auto)"
  },
  "targets": [
    {
      "target_name": "rocket",
      "sources": [
        "<!@(cat native/sources.txt)",
        "<!@(ls native/addon/*.cc)"
      ],
      "include_dirs": ["native/core", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": [
        "NDEBUG",
        "NAPI_VERSION=8",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        "NAPI_CPP_EXCEPTIONS",
        "NODE_ADDON_API_CPP_EXCEPTIONS_ALL",
        "ASIO_STANDALONE",
        "ASIO_SEPARATE_COMPILATION",
        "ASIO_NO_DEPRECATED",
        "ASIO_HAS_CO_AWAIT=1",
        "ASIO_HAS_STD_COROUTINE=1"
      ],
      "cflags_cc": ["-std=c++20", "-O3", "-fexceptions", "-frtti", "-fno-omit-frame-pointer", "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-Wno-missing-field-initializers", "<(lto)"],
      "ldflags": ["<(lto)"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "configurations": {"Debug": {"defines": ["ROCKET_CHECK_THREADS"]}},
      "libraries": ["-lpthread"],
      "conditions": [
        ["target_arch=='x64'", {"cflags_cc": ["-mtune=skylake"]}],
        ["OS=='mac'", {
          "xcode_settings": {
            "MACOSX_DEPLOYMENT_TARGET": "11.0",
            "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
            "GCC_OPTIMIZATION_LEVEL": "3",
            "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
            "GCC_ENABLE_CPP_RTTI": "YES",
            "GCC_SYMBOLS_PRIVATE_EXTERN": "YES",
            "OTHER_CPLUSPLUSFLAGS": ["-fno-omit-frame-pointer"]
          }
        }]
      ]
    }
  ]
}
