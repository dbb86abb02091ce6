# benchmarks/gpu: the bench program, what it knows of the device's limits, and its dry run as a test. On a machine with a
# GPU benchmarks/gpu/run.sh builds the targets maque_gpu_bench and maque_gpu_probes.
add_executable(maque_gpu_bench EXCLUDE_FROM_ALL benchmarks/gpu/bench.cc benchmarks/gpu/session.cc
               benchmarks/gpu/kernels.cc benchmarks/gpu/models.cc)
target_compile_options(maque_gpu_bench PRIVATE ${MAQUE_WARNINGS})
target_link_libraries(maque_gpu_bench PRIVATE maque_model_cuda maque_model maque_kernels maque_core)

set(probes benchmarks/gpu/probes.cu)
if(TARGET maque_cuda)
  maque_nvcc_objects(probe_objects ${CMAKE_SOURCE_DIR}/${probes})
  add_library(maque_gpu_probes SHARED EXCLUDE_FROM_ALL ${probe_objects})
  maque_link_cuda(maque_gpu_probes)
endif()

if(TARGET maque_cuda_emulation)
  add_library(maque_gpu_probes_emulated SHARED ${probes} $<TARGET_OBJECTS:maque_cuda_emulation>)
  set_source_files_properties(${probes} PROPERTIES LANGUAGE CXX COMPILE_OPTIONS "-xc++")
  target_compile_options(maque_gpu_probes_emulated PRIVATE ${MAQUE_WARNINGS})
  target_link_libraries(maque_gpu_probes_emulated PRIVATE ${MAQUE_BOOST_CONTEXT} maque_kernels maque_core)
  set_target_properties(maque_gpu_bench PROPERTIES EXCLUDE_FROM_ALL FALSE)
  add_test(NAME gpu_dry_run COMMAND ${CMAKE_SOURCE_DIR}/benchmarks/gpu/dry_run_test.sh ${CMAKE_BINARY_DIR})
endif()
