// Prints what ap_int arithmetic gives, for comparing two implementations of ap_int.h line by line.
#include "ap_int.h"

#include <stdint.h>
#include <stdio.h>

// The values around every place where W bits wrap or change sign.
template <class T>
int corner_values(T* values, int width) {
  const uint64_t top = uint64_t(1) << (width - 1);
  const uint64_t ones = ~uint64_t(0);
  const uint64_t raw[] = {0, 1, 2, top - 1, top, top + 1, ones, ones - 1, 0x5a5a5a5a5a5a5a5aULL, top >> 1};
  int count = 0;
  for (uint64_t bits : raw) {
    values[count] = 0;
    values[count++].range(width - 1, 0) = bits;
  }
  return count;
}

struct digest {
  uint64_t hash;
  template <class T>
  void add(const T& value) {
    hash = (hash ^ static_cast<uint64_t>(ap_int<64>(value).to_int64())) * 1099511628211ULL;
  }
};

template <class A, class B>
void run(const char* name, int width_a, int width_b, bool same_sign) {
  A as[10];
  B bs[10];
  const int count_a = corner_values(as, width_a), count_b = corner_values(bs, width_b);
  digest sums = {1}, products = {1}, orders = {1}, casts = {1}, fields = {1};
  for (int i = 0; i < count_a; ++i) {
    for (int j = 0; j < count_b; ++j) {
      const A a = as[i];
      const B b = bs[j];
      sums.add(a + b);
      sums.add(a - b);
      sums.add(a + 3);
      sums.add(-a);
      products.add(a * b);
      if (same_sign)  // ap_types compares wide operands of different signs as C does; the templates never do
        orders.add(ap_uint<6>((a < b) + 2 * (a > b) + 4 * (a <= b) + 8 * (a >= b) + 16 * (a == b) + 32 * (a != b)));
      orders.add(ap_uint<2>((a < 1) + 2 * (a >= 1)));
      A accumulated = a;
      accumulated += b;
      casts.add(accumulated);
      casts.add(A(b));
      casts.add(B(a));
      casts.add(A(a.to_int64() * 3));
      casts.add(A(~a));
      for (int k = 0; k < width_a; ++k) casts.add(A(a >> k));
      A patched = a;
      patched.range(width_a - 1, width_a / 2) = b.range(width_b / 2, 0);
      fields.add(patched);
      fields.add(ap_uint<64>(a.range(width_a - 1, width_a / 3)));
    }
  }
  printf("%s sums %016llx products %016llx orders %016llx casts %016llx fields %016llx\n", name,
         static_cast<unsigned long long>(sums.hash), static_cast<unsigned long long>(products.hash),
         static_cast<unsigned long long>(orders.hash), static_cast<unsigned long long>(casts.hash),
         static_cast<unsigned long long>(fields.hash));
}

int main() {
#include "cases.inc"
  return 0;
}
