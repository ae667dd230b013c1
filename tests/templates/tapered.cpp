// isobit/tapered.hpp: the number of every code, against those of the generated cases.
#include "isobit/dense.hpp"

#include "check.hpp"

template <int N, int RUN_, int WIDTH>
struct config {
  static const int IN = 4, OUT = 1, SIMD = 2, PE = 1, VECTORS = 1, RUN = RUN_;
  typedef ap_int<3> in_t;
  typedef ap_int<WIDTH> weight_t;
  typedef ap_int<N> code_t;
  typedef ap_int<WIDTH + 6> acc_t;
};

template <int N, int RUN, int WIDTH>
void run(const long long (&numbers)[1 << N]) {  // from the least code in two's complement on
  ++check::configurations;
  for (int i = 0; i < 1 << N; ++i) {
    const ap_int<N> code = i - (1 << (N - 1));
    const ap_int<WIDTH> number = isobit::tapered<RUN, ap_int<WIDTH> >(code);
    check::equal("tapered", 0, i, numbers[i], number.to_int64());
  }
  typedef config<N, RUN, WIDTH> Cfg;  // and as the weights of a matrix unit
  const long long x[4] = {3, -4, 1, -1};
  for (int first = 0; first + 4 <= 1 << N; ++first) {
    check::packed_rows<ap_int<N>, 2, 2> codes;
    long long expected[1] = {0};
    for (int i = 0; i < 4; ++i) {
      codes.set(i / 2, i % 2, first + i - (1 << (N - 1)));
      expected[0] += numbers[first + i] * x[i];
    }
    hls::stream<check::lanes<ap_int<3>, 2> > in("in");
    hls::stream<check::lanes<typename Cfg::acc_t, 1> > out("out");
    check::send(in, x, 4);
    isobit::dense<Cfg>(in, out, codes.rows);
    check::receive("dense", first, out, expected, 1);
  }
}

int main() {
#include "cases.inc"
  return check::summary();
}
