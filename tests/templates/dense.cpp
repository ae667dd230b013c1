// isobit/dense.hpp against two nested loops, over the generated foldings.
#include "isobit/dense.hpp"

#include "check.hpp"

template <int IN_, int OUT_, int SIMD_, int PE_, int VECTORS_, class X, class W, class A>
struct config {
  static const int IN = IN_, OUT = OUT_, SIMD = SIMD_, PE = PE_, VECTORS = VECTORS_;
  typedef X in_t;
  typedef W weight_t;
  typedef A acc_t;
};

template <class Cfg>
void run() {
  ++check::configurations;
  long long matrix[Cfg::OUT][Cfg::IN];
  check::matrix_rows<Cfg, typename Cfg::weight_t, Cfg::IN> weights;
  for (int o = 0; o < Cfg::OUT; ++o) {
    for (int i = 0; i < Cfg::IN; ++i) {
      matrix[o][i] = check::random_of<typename Cfg::weight_t>();
      weights.put(o, i, matrix[o][i]);
    }
  }

  hls::stream<check::lanes<typename Cfg::in_t, Cfg::SIMD> > in("in");
  hls::stream<check::lanes<typename Cfg::acc_t, Cfg::PE> > out("out");
  const int FRAMES = 3;
  long long x[FRAMES][Cfg::VECTORS * Cfg::IN];
  for (int f = 0; f < FRAMES; ++f) {
    for (int i = 0; i < Cfg::VECTORS * Cfg::IN; ++i) {
      x[f][i] = f == 0 ? check::least<typename Cfg::in_t>() : check::random_of<typename Cfg::in_t>();
    }
    check::send(in, x[f], Cfg::VECTORS * Cfg::IN);
  }
  for (int f = 0; f < FRAMES; ++f) {
    isobit::dense<Cfg>(in, out, weights.rows);
    long long expected[Cfg::VECTORS * Cfg::OUT] = {};
    for (int v = 0; v < Cfg::VECTORS; ++v)
      for (int o = 0; o < Cfg::OUT; ++o)
        for (int i = 0; i < Cfg::IN; ++i) expected[v * Cfg::OUT + o] += matrix[o][i] * x[f][v * Cfg::IN + i];
    check::receive("dense", f, out, expected, Cfg::VECTORS * Cfg::OUT);
  }
}

int main() {
#include "cases.inc"
  return check::summary();
}
