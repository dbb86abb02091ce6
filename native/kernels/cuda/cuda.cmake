# libmaque_cuda, by nvcc, and the tests that run its sources on the CPU.
#
#   MAQUE_CUDA                ON builds libmaque_cuda where nvcc is found (the default where tests are built)
#   MAQUE_CUDA_ARCHITECTURES  what it is compiled for, besides the PTX of 80, which any later device takes: 80 where it is
#                             built for the tests alone; "all", each that this nvcc knows from 75 on, in continuous
#                             integration (CI=true)
#   MAQUE_CUDA_MUTATIONS      ON adds a test of a minute, which makes each kind of mistake on purpose (the default in
#                             continuous integration)
#   MAQUE_CUDA_DEVICE_TESTS   ON adds the target maque_gpu_tests: tests of kernels and passes, gpu_*_test, on a real device
#   MAQUE_CUDA_PACKAGE        folder that libmaque_cuda is put into; nvcc must be there then
#   MAQUE_NVCC                path of nvcc, where it is in neither PATH, CUDA_HOME nor /usr/local/cuda
#
# Without nvcc, and without Boost.Context (libboost-context-dev) for the emulation, a test says so and counts as
# skipped; nothing else changes.
option(MAQUE_CUDA "Build libmaque_cuda where nvcc is found" ${BUILD_TESTING})
option(MAQUE_CUDA_DEVICE_TESTS "Tests for a real device (target maque_gpu_tests)" OFF)
option(MAQUE_CUDA_MUTATIONS "Show that the tests of kernels notice mistakes" $ENV{CI})
set(default_architectures 80)
if("$ENV{CI}" STREQUAL "true")
  set(default_architectures all)
endif()
set(MAQUE_CUDA_ARCHITECTURES "${default_architectures}" CACHE STRING "Compute capabilities, or all")
find_program(MAQUE_NVCC nvcc HINTS $ENV{CUDA_HOME}/bin /usr/local/cuda/bin)
file(GLOB cuda_sources CONFIGURE_DEPENDS native/kernels/cuda/*.cu)

# --- libmaque_cuda ----------------------------------------------------------------------------------------------------
# nvcc's GCC pragmas are known to the host's compiler only (1675); the bits of a result are part of the contract, so
# nothing is fused but what is written as fma. Kernels call the constexpr functions of the operations' headers.
set(MAQUE_NVCC_OPTIONS -std=c++17 -O3 -fmad=false --expt-relaxed-constexpr --diag-suppress 1675
                       -I${CMAKE_SOURCE_DIR}/native
                       -Xcompiler -fPIC,-fvisibility=hidden,-ffp-contract=off,-Wall,-Wextra)
if(MAQUE_WARNINGS_ARE_ERRORS)
  list(APPEND MAQUE_NVCC_OPTIONS -Werror all-warnings -Xcompiler -Werror)
endif()

# maque_nvcc_objects(VARIABLE SOURCES...): the objects of CUDA sources, for every architecture asked for.
function(maque_nvcc_objects variable)
  set(architectures ${MAQUE_CUDA_ARCHITECTURES})
  if(architectures STREQUAL "all")
    execute_process(COMMAND ${MAQUE_NVCC} --list-gpu-arch OUTPUT_VARIABLE known OUTPUT_STRIP_TRAILING_WHITESPACE)
    string(REGEX MATCHALL "[0-9]+" architectures "${known}")
    list(SORT architectures COMPARE NATURAL)
  endif()
  # The sources differ below 80, where they have no tensor cores, and at 90a, where they have wgmma: the compiler proper
  # runs for these alone, the assembler for each architecture.
  set(code -gencode arch=compute_80,code=compute_80)
  foreach(architecture ${architectures})
    if(architecture MATCHES "^90a?$")
      list(APPEND code -gencode arch=compute_90a,code=sm_90a -DMAQUE_HAS_SM_90A)
    elseif(architecture LESS 80)
      list(APPEND code -gencode arch=compute_${architecture},code=sm_${architecture})
    else()
      list(APPEND code -gencode arch=compute_80,code=sm_${architecture})
    endif()
  endforeach()
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/cuda)
  set(objects)
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME_WE)
    set(object ${CMAKE_BINARY_DIR}/cuda/${name}.o)
    set(usage ${CMAKE_BINARY_DIR}/cuda/${name}.usage)  # for resources.sh
    list(APPEND objects ${object})
    add_custom_command(OUTPUT ${object}
                       COMMAND sh -c "\"$@\" >${usage} 2>&1 || { cat ${usage}; exit 1; }" nvcc
                               ${MAQUE_NVCC} ${MAQUE_NVCC_OPTIONS} ${code} --resource-usage -MD -MF ${object}.d
                               -c ${source} -o ${object}
                       DEPENDS ${source} DEPFILE ${object}.d COMMENT "nvcc ${name}.cu" VERBATIM)
  endforeach()
  set(${variable} ${objects} PARENT_SCOPE)
endfunction()

# What a target made of such objects links with.
function(maque_link_cuda target)
  get_filename_component(toolkit ${MAQUE_NVCC} DIRECTORY)
  get_filename_component(toolkit ${toolkit} DIRECTORY)
  find_library(MAQUE_CUDART cudart_static HINTS ${toolkit}/lib64 ${toolkit}/lib REQUIRED)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${target} PRIVATE ${MAQUE_CUDART} Threads::Threads ${CMAKE_DL_LIBS} rt)
endfunction()

# As it is put into its jar: small, and ending with the seal that Java looks at before it is opened.
function(maque_package_cuda)
  target_link_options(maque_cuda PRIVATE -Wl,--no-undefined -Wl,--build-id=none -Wl,-z,relro -Wl,-z,now -s)
  set_target_properties(maque_cuda PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${MAQUE_CUDA_PACKAGE}
                                              LINK_DEPENDS ${CMAKE_SOURCE_DIR}/java/jni/seal.cmake)
  add_custom_command(TARGET maque_cuda POST_BUILD COMMAND ${CMAKE_COMMAND} -DLIBRARY=$<TARGET_FILE:maque_cuda>
                                                          -P ${CMAKE_SOURCE_DIR}/java/jni/seal.cmake)
endfunction()

if(MAQUE_CUDA AND MAQUE_NVCC)
  maque_nvcc_objects(cuda_objects ${cuda_sources})
  add_library(maque_cuda SHARED ${cuda_objects})
  maque_link_cuda(maque_cuda)
  if(MAQUE_CUDA_PACKAGE)
    maque_package_cuda()
  endif()
elseif(MAQUE_CUDA_PACKAGE)
  message(FATAL_ERROR "libmaque_cuda takes nvcc, which is neither in PATH, CUDA_HOME nor /usr/local/cuda: install NVIDIA's "
                      "CUDA toolkit, or say where nvcc is by -DMAQUE_NVCC=")
endif()

# --- tests ------------------------------------------------------------------------------------------------------------
# maque_emulated_test(NAME SOURCE ARGUMENTS...)
function(maque_emulated_test name source)
  add_executable(${name} ${source} $<TARGET_OBJECTS:maque_kernels_emu>)
  target_compile_options(${name} PRIVATE ${MAQUE_WARNINGS})
  target_compile_definitions(${name} PRIVATE MAQUE_TEST_CUDA)
  target_link_libraries(${name} PRIVATE maque_cuda_emulated maque_model_cuda maque_model maque_threads maque_kernels
                                        maque_core)
  add_test(NAME ${name} COMMAND ${name} ${ARGN})
endfunction()

# The CPU's tests of the operations that have its contract, and those of kernels and passes.
set(shared_kernel_tests activation dropout embedding layer_norm lstm lstm_step objective optimizer pooling)
file(GLOB cuda_tests CONFIGURE_DEPENDS native/tests/cuda/*_test.cc)

# Tests on a real device, with the libraries' own objects: gpu_NAME for cuda_NAME, where that does not need the emulator.
function(maque_device_tests)
  add_library(maque_cuda_compiled STATIC EXCLUDE_FROM_ALL ${cuda_objects})
  set_target_properties(maque_cuda_compiled PROPERTIES LINKER_LANGUAGE CXX)
  add_dependencies(maque_cuda_compiled maque_cuda)  # one of them makes the objects
  add_library(maque_cuda_on_device STATIC EXCLUDE_FROM_ALL native/tests/cuda/flavour.cc
              native/tests/cuda/device/on_device.cc native/tests/cuda/device/no_emulator.cc)
  target_compile_options(maque_cuda_on_device PRIVATE ${MAQUE_WARNINGS})
  target_compile_definitions(maque_cuda_on_device PUBLIC MAQUE_TEST_CUDA MAQUE_TEST_DEVICE)
  add_custom_target(maque_gpu_tests)
  set(sources ${cuda_tests})
  list(FILTER sources EXCLUDE REGEX "/(emulator|trainer|runtime)[^/]*$")
  list(TRANSFORM shared_kernel_tests APPEND _test.cc OUTPUT_VARIABLE kernel_tests)
  list(TRANSFORM kernel_tests PREPEND native/tests/kernel_)
  foreach(source ${sources} ${kernel_tests})
    get_filename_component(name ${source} NAME_WE)
    string(REPLACE kernel_ "" name gpu_${name})
    add_executable(${name} EXCLUDE_FROM_ALL ${source} $<TARGET_OBJECTS:maque_kernels_emu>)
    target_compile_options(${name} PRIVATE ${MAQUE_WARNINGS} -O1)
    target_link_libraries(${name} PRIVATE maque_cuda_on_device maque_cuda_compiled maque_model_cuda maque_model
                                          maque_threads maque_kernels maque_core)
    maque_link_cuda(${name})
    add_dependencies(maque_gpu_tests ${name})
  endforeach()
endfunction()
if(MAQUE_CUDA_DEVICE_TESTS AND TARGET maque_cuda)
  maque_device_tests()
endif()

# cuBLASLt's entries on the host's memory, whole and with one missing.
function(maque_cublaslt_test)
  foreach(fake cublaslt cublaslt_incomplete)
    add_library(fake_${fake} SHARED native/tests/cuda/library/fake_cublaslt.cc)
    target_compile_options(fake_${fake} PRIVATE ${MAQUE_WARNINGS} -Wno-missing-declarations)
    set_target_properties(fake_${fake} PROPERTIES OUTPUT_NAME cublasLt SUFFIX .so.13
                          LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/cuda/fake_${fake})
  endforeach()
  target_compile_definitions(fake_cublaslt_incomplete PRIVATE MAQUE_FAKE_INCOMPLETE)
  maque_emulated_test(cuda_cublaslt_test native/tests/cuda/library/cublaslt_test.cc
                      $<TARGET_FILE_DIR:fake_cublaslt> $<TARGET_FILE_DIR:fake_cublaslt_incomplete>)
  add_dependencies(cuda_cublaslt_test fake_cublaslt fake_cublaslt_incomplete)
endfunction()

function(maque_cuda_tests)
  if(TARGET maque_cuda)
    add_executable(cuda_library_test native/tests/cuda/library/library_test.cc)
    target_compile_options(cuda_library_test PRIVATE ${MAQUE_WARNINGS})
    target_link_libraries(cuda_library_test PRIVATE maque_kernels maque_core ${CMAKE_DL_LIBS}
                                                    $<TARGET_OBJECTS:maque_kernels_emu>)
    add_dependencies(cuda_library_test maque_cuda)
    add_test(NAME cuda_library_test COMMAND cuda_library_test $<TARGET_FILE:maque_cuda>)
    list(TRANSFORM cuda_objects REPLACE "\\.o$" ".usage" OUTPUT_VARIABLE usages)
    add_test(NAME cuda_resources COMMAND ${CMAKE_SOURCE_DIR}/native/kernels/cuda/resources.sh check ${MAQUE_NVCC} ${usages})
    set_tests_properties(cuda_resources PROPERTIES SKIP_RETURN_CODE 77)
  elseif(MAQUE_CUDA)
    maque_skipped(cuda_compile "CUDA compile SKIPPED: no nvcc")
  else()
    maque_skipped(cuda_compile "CUDA compile SKIPPED: MAQUE_CUDA is off")
  endif()
  find_path(MAQUE_BOOST boost/context/detail/fcontext.hpp)
  find_library(MAQUE_BOOST_CONTEXT boost_context)
  if(NOT MAQUE_BOOST OR NOT MAQUE_BOOST_CONTEXT)
    maque_skipped(cuda_emulation "CUDA emulation SKIPPED: no Boost.Context (libboost-context-dev)")
    return()
  endif()
  file(GLOB emulator CONFIGURE_DEPENDS native/tests/cuda_emulation/*.cc)
  # runtime.cu stands on the CUDA runtime; the emulator has its own.
  set(emulated_sources ${cuda_sources})
  list(FILTER emulated_sources EXCLUDE REGEX "/runtime\\.cu$")
  set_source_files_properties(${emulated_sources} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  add_library(maque_cuda_emulation OBJECT ${emulated_sources} ${emulator})
  target_compile_options(maque_cuda_emulation PRIVATE ${MAQUE_WARNINGS} -O1)
  target_include_directories(maque_cuda_emulation PRIVATE ${MAQUE_BOOST})
  add_library(maque_cuda_emulated STATIC native/tests/cuda/flavour.cc $<TARGET_OBJECTS:maque_cuda_emulation>)
  target_compile_options(maque_cuda_emulated PRIVATE ${MAQUE_WARNINGS} -O1)
  target_compile_definitions(maque_cuda_emulated PRIVATE MAQUE_TEST_CUDA)
  target_link_libraries(maque_cuda_emulated PUBLIC ${MAQUE_BOOST_CONTEXT})
  # libmaque_cuda_emulated.so gives out what libmaque_cuda does: with its path as the option cuda_library, programs
  # (and the tests of Java) run device = cuda from end to end on the CPU. Target maque_cuda_emulated_library.
  add_library(maque_cuda_emulated_library SHARED $<TARGET_OBJECTS:maque_cuda_emulation>)
  set_target_properties(maque_cuda_emulated_library PROPERTIES OUTPUT_NAME maque_cuda_emulated)
  target_link_libraries(maque_cuda_emulated_library PRIVATE ${MAQUE_BOOST_CONTEXT} maque_kernels maque_core)
  foreach(name ${shared_kernel_tests})
    maque_emulated_test(cuda_${name}_test native/tests/kernel_${name}_test.cc)
  endforeach()
  foreach(source ${cuda_tests})
    get_filename_component(name ${source} NAME_WE)
    maque_emulated_test(cuda_${name} ${source})
  endforeach()
  # The memory that tests have on a real device, with emulated kernels.
  maque_emulated_test(cuda_on_device_test native/tests/kernel_activation_test.cc)
  target_sources(cuda_on_device_test PRIVATE native/tests/cuda/device/on_device.cc)
  target_compile_definitions(cuda_on_device_test PRIVATE MAQUE_TEST_DEVICE)
  maque_cublaslt_test()
  # device = cuda through the ABI, and what it says where it cannot be. The emulated device's faults are told by the
  # environment.
  add_executable(device_abi_test native/tests/cuda/library/device_abi_test.cc $<TARGET_OBJECTS:maque_kernels_emu>)
  target_compile_options(device_abi_test PRIVATE ${MAQUE_WARNINGS})
  target_link_libraries(device_abi_test PRIVATE maque_train_abi maque_abi maque_model_cuda maque_model maque_threads
                                                maque_kernels maque_core)
  add_dependencies(device_abi_test maque_cuda_emulated_library)
  set(emulated $<TARGET_FILE:maque_cuda_emulated_library>)
  add_test(NAME cuda_abi COMMAND device_abi_test ${emulated})
  add_test(NAME cuda_abi_no_library COMMAND device_abi_test /nowhere/libmaque_cuda.so 6 "cannot be opened")
  function(maque_device_fails name fault code text)
    add_test(NAME cuda_abi_${name} COMMAND device_abi_test ${emulated} ${code} ${text})
    set_tests_properties(cuda_abi_${name} PROPERTIES ENVIRONMENT MAQUE_EMULATED_${fault})
  endfunction()
  maque_device_fails(no_driver DRIVER=0 6 "no CUDA driver")
  maque_device_fails(no_device DEVICES=0 6 "no device")
  maque_device_fails(too_old CAPABILITY=70 6 "compute capability 7.5 or later")
  maque_device_fails(no_memory MEMORY=20000 3 "bytes wanted")
  maque_device_fails(mistake FAIL_LAUNCH=9 7 "is lost to this trainer")
  if(TARGET maque_cuda AND NOT EXISTS /dev/nvidiactl)
    add_test(NAME cuda_abi_real COMMAND device_abi_test $<TARGET_FILE:maque_cuda> 6 "no CUDA driver")
  endif()
  if(NOT MAQUE_CUDA_MUTATIONS)
    return()
  endif()
  add_test(NAME cuda_mutations COMMAND ${CMAKE_SOURCE_DIR}/native/tests/cuda/mutations.sh ${CMAKE_BINARY_DIR}
           ${CMAKE_CXX_COMPILER} $<TARGET_FILE:maque_cuda_emulated> $<TARGET_FILE:maque_kernels>
           $<TARGET_FILE:maque_core> ${MAQUE_BOOST_CONTEXT})
endfunction()

if(BUILD_TESTING)
  maque_cuda_tests()
endif()
