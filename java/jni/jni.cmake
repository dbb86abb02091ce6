# maque_jni_library(NAME CLASS TARGET_DIR STATIC_LIBRARIES...)
#
# Builds lib<NAME>.so = JavaCPP's code for the bindings CLASS, generated in TARGET_DIR/jni, and our static libraries;
# it lands in TARGET_DIR/classes/maque/native/PLATFORM, from where it enters the jar. Not part of `all`.
set(MAQUE_JAVA_HOME "$ENV{JAVA_HOME}" CACHE PATH "JDK whose jni.h is used")
set(MAQUE_JNI_DIR ${CMAKE_CURRENT_LIST_DIR})
set(MAQUE_PLATFORM linux-x86_64)
if(MAQUE_ARM64)
  set(MAQUE_PLATFORM linux-arm64)
endif()

function(maque_jni_library name class target_dir)
  set(generated ${CMAKE_BINARY_DIR}/jni/jni${class}.cpp)
  # Maven generates the file anew each time; copied only when different, it is compiled only when different.
  configure_file(${target_dir}/jni/jni${class}.cpp ${generated} COPYONLY)
  add_library(${name} SHARED EXCLUDE_FROM_ALL ${generated})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/native ${MAQUE_JNI_DIR} ${MAQUE_JAVA_HOME}/include
                                             ${MAQUE_JAVA_HOME}/include/linux)
  # Generated code is not ours to keep free of warnings.
  target_compile_options(${name} PRIVATE -w -fno-exceptions -fno-rtti -fvisibility=hidden -ffunction-sections
                                         -fdata-sections)
  target_link_libraries(${name} PRIVATE ${ARGN})
  target_link_options(${name} PRIVATE -Wl,--gc-sections -Wl,--version-script=${MAQUE_JNI_DIR}/exports.map
                                      -Wl,--no-undefined -Wl,--build-id=none -Wl,-z,relro -Wl,-z,now -s)
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${target_dir}/classes/maque/native/${MAQUE_PLATFORM}
                                           LINK_DEPENDS "${MAQUE_JNI_DIR}/exports.map;${MAQUE_JNI_DIR}/seal.cmake")
  add_custom_command(TARGET ${name} POST_BUILD
                     COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:${name}> -P ${MAQUE_JNI_DIR}/seal.cmake)
endfunction()

# -DMAQUE_JNI_RUNTIME=<target directory of java/runtime>
if(MAQUE_JNI_RUNTIME)
  maque_jni_library(jnimaque MaqueNative ${MAQUE_JNI_RUNTIME} maque_abi)
  # Inference has to load anywhere: no C++ runtime, libc and libm alone.
  target_link_options(jnimaque PRIVATE -nodefaultlibs -Wl,--no-as-needed)
  # -lc last: what it brings along (the loader, for thread-local variables) is taken only if asked for before.
  target_link_libraries(jnimaque PRIVATE maque_model maque_kernels maque_core m c gcc)
endif()

# -DMAQUE_JNI_TRAINING=<target directory of java/training>
if(MAQUE_JNI_TRAINING)
  maque_jni_library(jnimaque_train TrainNative ${MAQUE_JNI_TRAINING} maque_train_abi)
endif()
