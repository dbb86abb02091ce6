# CMake toolchain: linux-arm64 with Debian's cross compiler (g++-aarch64-linux-gnu), tests run by qemu-user.
#   cmake -S . -B build -G Ninja -DCMAKE_TOOLCHAIN_FILE=native/cross/arm64.cmake [-DMAQUE_QEMU_CPU=cortex-a57]
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(MAQUE_QEMU_CPU max CACHE STRING "The CPU that qemu-aarch64 plays")
set(MAQUE_QEMU qemu-aarch64 -L /usr/aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR ${MAQUE_QEMU} -cpu ${MAQUE_QEMU_CPU})
list(JOIN MAQUE_QEMU " " MAQUE_QEMU_TEXT)
