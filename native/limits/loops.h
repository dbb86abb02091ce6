// The loops' bodies, for one object's register width: included once by each, after it has defined Register.
// Assembly, since a compiler would move a multiplication whose operands never change out of the loop.
#define MAQUE_REPEAT_12(one) \
  one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11)

#define MAQUE_ONE(i) __asm__ volatile(MAQUE_INSTRUCTION " %1, %2, %0" : "+v"(sums[i]) : "v"(a), "v"(b));

#define MAQUE_TRIPLE(i)                                  \
  __asm__ volatile(                                      \
      "vpmaddubsw %2, %3, %1\n\tvpmaddwd %2, %1, %1\n\t" \
      "vpaddd %1, %0, %0"                                \
      : "+v"(sums[i]), "=&v"(products[i])                \
      : "v"(a), "v"(b));
