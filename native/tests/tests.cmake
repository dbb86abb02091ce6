# The native tests, for ctest. Built for arm64 on another machine they run under qemu-user (see native/cross/arm64.cmake).

# The wrapper and the elementary functions in every instruction set, for math_test.
add_library(maque_test_lanes STATIC ${test_lane_objects})

# One executable per file. NAME_test.cc runs under ctest; the others (benchmarks, for x86-64) are only built.
file(GLOB test_sources CONFIGURE_DEPENDS native/tests/*.cc)
set(test_options)
if(MAQUE_ARM64)
  list(FILTER test_sources INCLUDE REGEX "_test\\.cc$|fingerprint\\.cc$")
  set(test_options -O1)  # a second build: what matters is how fast it compiles
endif()
foreach(source ${test_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source} $<TARGET_OBJECTS:maque_kernels_emu>)
  target_compile_options(${name} PRIVATE ${MAQUE_WARNINGS} ${test_options})
  target_link_libraries(${name} PRIVATE maque_train_abi maque_abi maque_model maque_threads maque_test_lanes
                                        maque_kernels maque_core)
  if(name MATCHES "_test$")
    add_test(NAME ${name} COMMAND ${name})
  endif()
endforeach()

# The ABI's stress test. Under each sanitizer the inference code is compiled anew, but for the vector kernels, which take
# long (-DMAQUE_SANITIZE has them too): so the plain loops are tried, and the vector kernels on memory that is watched.
if(NOT MAQUE_ARM64)
  add_test(NAME stress_abi COMMAND stress_abi --events 100000)
endif()
set(served_sources ${core_sources} ${kernel_sources} ${ref_sources} ${model_sources} ${abi_sources})
list(FILTER served_sources EXCLUDE REGEX "trainer|backward")
function(maque_stress name sanitizers)
  maque_sanitize_options(options ${sanitizers})
  add_executable(stress_abi_${name} native/tests/stress_abi.cc ${served_sources} ${kernel_objects}
                 $<TARGET_OBJECTS:maque_kernels_emu>)
  target_compile_options(stress_abi_${name} PRIVATE ${MAQUE_WARNINGS} ${options})
  target_link_options(stress_abi_${name} PRIVATE -fsanitize=${sanitizers})
  target_link_libraries(stress_abi_${name} PRIVATE Threads::Threads m)
  foreach(isa ref avx512vnni)
    add_test(NAME stress_abi_${name}_${isa} COMMAND stress_abi_${name} --events 20000)
    set_tests_properties(stress_abi_${name}_${isa} PROPERTIES ENVIRONMENT MAQUE_MAX_ISA=${isa})
  endforeach()
endfunction()
if(NOT MAQUE_SANITIZE AND NOT MAQUE_ARM64)
  maque_stress(address address,undefined)
  maque_stress(thread thread)
endif()

if(MAQUE_ARM64)
  set(caps ref neon neon_dotprod neon_bf16)
else()
  set(caps ref avx2 avx512 avx512vnni avx512bf16)
endif()
foreach(isa ${caps})
  foreach(name dispatch_test bf16_cap_test)
    add_test(NAME ${name}_${isa} COMMAND ${name})
    set_tests_properties(${name}_${isa} PROPERTIES ENVIRONMENT MAQUE_MAX_ISA=${isa})
  endforeach()
endforeach()

if(MAQUE_ARM64 AND CMAKE_CROSSCOMPILING)
  # CPUs with neither dot products nor bf16, with the former, with both: the choice, and what it leads to.
  foreach(cpu cortex-a57 neoverse-n1)
    foreach(name dispatch_test kernel_int8_test)
      add_test(NAME ${name}_${cpu} COMMAND ${MAQUE_QEMU} -cpu ${cpu} $<TARGET_FILE:${name}>)
    endforeach()
  endforeach()
  # Minutes under qemu, and about threads more than about the processor.
  set_tests_properties(determinism_test gradient_model_test bf16_model_test PROPERTIES DISABLED TRUE)
  # The other platform's bits.
  set(native_fingerprint ${MAQUE_NATIVE_BUILD}/fingerprint)
  add_test(NAME same_bits_as_x86
           COMMAND bash -c "diff <(${native_fingerprint}) <(${MAQUE_QEMU_TEXT} -cpu max $<TARGET_FILE:fingerprint>) &&
                            ${native_fingerprint} | grep -c serving")
endif()

# What a library sees of the processor in a run of the benchmarks with every contender capped.
if(NOT MAQUE_ARM64 AND NOT MAQUE_SANITIZE)
  set_target_properties(maque_cpuid_cap PROPERTIES EXCLUDE_FROM_ALL FALSE)
  add_library(cpuid_cap_asks MODULE native/tests/cap/asks.cc)
  add_executable(cpuid_cap_test native/tests/cap/cpuid_cap_test.cc)
  foreach(target cpuid_cap_asks cpuid_cap_test)
    target_compile_options(${target} PRIVATE ${MAQUE_WARNINGS})
    target_link_libraries(${target} PRIVATE ${CMAKE_DL_LIBS})
  endforeach()
  add_test(NAME cpuid_cap COMMAND ${CMAKE_SOURCE_DIR}/native/tests/cap/cpuid_cap.sh $<TARGET_FILE:maque_cpuid_cap>
           $<TARGET_FILE:cpuid_cap_asks> $<TARGET_FILE:cpuid_cap_test>)
endif()

add_test(NAME isa_gate COMMAND ${CMAKE_SOURCE_DIR}/native/tests/isa_gate.sh ${CMAKE_OBJDUMP} ${CMAKE_NM}
         $<TARGET_FILE:maque_core> $<TARGET_FILE:maque_kernels> $<TARGET_FILE:maque_model> $<TARGET_FILE:maque_abi>)
# Layout; skipped, and counted so, where the version of clang-format that decides is not installed.
add_test(NAME format COMMAND ${CMAKE_SOURCE_DIR}/native/format.sh --check)
set_tests_properties(format PROPERTIES SKIP_RETURN_CODE 77)
