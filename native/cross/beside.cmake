# The same tree for linux-arm64 in ${CMAKE_BINARY_DIR}/arm64, where Debian's cross compiler is installed: the library for
# the jar, and the tests, which ctest here runs as one test under qemu-user. What is missing is counted as skipped.
option(MAQUE_CROSS_ARM64 "Build for linux-arm64 too, where the cross compiler is" OFF)
find_program(MAQUE_ARM64_COMPILER aarch64-linux-gnu-g++)
find_program(MAQUE_QEMU_ARM64 qemu-aarch64)

if(MAQUE_CROSS_ARM64 AND MAQUE_ARM64_COMPILER)
  set(arm64 ${CMAKE_BINARY_DIR}/arm64)
  set(native_jobs 2)
  add_custom_target(arm64_configure
                    COMMAND ${CMAKE_COMMAND} -S ${CMAKE_SOURCE_DIR} -B ${arm64} -G Ninja --log-level=WARNING
                            -DCMAKE_TOOLCHAIN_FILE=${CMAKE_SOURCE_DIR}/native/cross/arm64.cmake
                            -DCMAKE_BUILD_TYPE=${CMAKE_BUILD_TYPE} -DBUILD_TESTING=${BUILD_TESTING}
                            -DMAQUE_WARNINGS_ARE_ERRORS=${MAQUE_WARNINGS_ARE_ERRORS} -DMAQUE_NATIVE_BUILD=${CMAKE_BINARY_DIR}
                            -DMAQUE_JNI_RUNTIME=${MAQUE_JNI_RUNTIME} -DMAQUE_JAVA_HOME=${MAQUE_JAVA_HOME}
                    COMMENT "Configuring for linux-arm64" VERBATIM USES_TERMINAL)
  if(BUILD_TESTING)
    add_custom_target(arm64 ALL COMMAND ${CMAKE_COMMAND} --build ${arm64} -j ${native_jobs}
                      COMMENT "Building for linux-arm64" VERBATIM USES_TERMINAL)
    add_dependencies(arm64 arm64_configure fingerprint)
  endif()
  if(TARGET jnimaque)
    add_custom_target(jnimaque_arm64 COMMAND ${CMAKE_COMMAND} --build ${arm64} -j ${native_jobs} --target jnimaque
                      COMMENT "Building libjnimaque for linux-arm64" VERBATIM USES_TERMINAL)
    add_dependencies(jnimaque_arm64 arm64_configure)
    add_dependencies(jnimaque jnimaque_arm64)
  endif()
endif()

if(BUILD_TESTING)
  if(NOT MAQUE_CROSS_ARM64)
    maque_skipped(arm64 "arm64 SKIPPED: MAQUE_CROSS_ARM64 is off (Maven: -Dnative.arm64=ON)")
  elseif(NOT MAQUE_ARM64_COMPILER)
    maque_skipped(arm64 "arm64 SKIPPED: no aarch64-linux-gnu-g++ (g++-aarch64-linux-gnu)")
  elseif(NOT MAQUE_QEMU_ARM64)
    maque_skipped(arm64 "arm64 built, its tests SKIPPED: no qemu-aarch64 (qemu-user)")
  else()
    add_test(NAME arm64 COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${arm64} -j ${native_jobs} --output-on-failure
                                --no-tests=error)
    set_tests_properties(arm64 PROPERTIES PROCESSORS ${native_jobs} TIMEOUT 1500)
  endif()
endif()
