// isobit/packed.hpp: every triple of operands, sums of extremes, and the matrix units that pack, over their foldings.
#include "isobit/packed.hpp"

#include "check.hpp"
#include "isobit/parallel_dense.hpp"

using check::lanes;

template <class T>
T at(int index) {
  return T(check::least<T>() + index);
}

// All of them, one pair at a time.
template <class Own, class Shared, int SHIFT>
void run_every() {
  ++check::configurations;
  lanes<Own, 1> low, high;
  lanes<Shared, 1> shared;
  const int owns = 1 << isobit::int_traits<Own>::WIDTH, others = 1 << isobit::int_traits<Shared>::WIDTH;
  for (int x = 0; x < others; ++x) {
    shared[0] = at<Shared>(x);
    for (int a = 0; a < owns; ++a) {
      low[0] = at<Own>(a);
      for (int b = 0; b < owns; ++b) {
        high[0] = at<Own>(b);
        ap_int<40> low_sum, high_sum;
        isobit::detail::two_dots<SHIFT, 1>(low, high, shared, low_sum, high_sum);
        check::equal("low", a, x, (check::least<Own>() + a) * (check::least<Shared>() + x), low_sum.to_int64());
        check::equal("high", b, x, (check::least<Own>() + b) * (check::least<Shared>() + x), high_sum.to_int64());
      }
    }
  }
}

// Sums of N products with both of a pair, random ones and, every fourth, an extreme.
template <class Own, class Shared, int SHIFT, int CHAIN, int N>
void run_sums() {
  ++check::configurations;
  for (int turn = 0; turn < 400; ++turn) {
    lanes<Own, N> low, high;
    lanes<Shared, N> shared;
    long long low_expected = 0, high_expected = 0;
    for (int s = 0; s < N; ++s) {
      const bool least = turn & 1, steady = turn < 64;  // first all corners, everywhere the same
      const long long a = !steady ? check::random_of<Own>() : turn & 2 ? check::greatest<Own>() : check::least<Own>();
      const long long b = !steady ? check::random_of<Own>() : turn & 4 ? check::greatest<Own>() : check::least<Own>();
      const long long x = !steady ? check::random_of<Shared>() : least ? check::least<Shared>() : check::greatest<Shared>();
      low[s] = Own(a);
      high[s] = Own(b);
      shared[s] = Shared(x);
      low_expected += a * x;
      high_expected += b * x;
    }
    ap_int<40> low_sum, high_sum;
    isobit::detail::two_dots<SHIFT, CHAIN>(low, high, shared, low_sum, high_sum);
    check::equal("low", turn, N, low_expected, low_sum.to_int64());
    check::equal("high", turn, N, high_expected, high_sum.to_int64());
  }
}

template <int IN_, int OUT_, int SIMD_, int PE_, class X, class W, int PACKED_, int CHAIN_>
struct config {
  static const int IN = IN_, OUT = OUT_, SIMD = SIMD_, PE = PE_, VECTORS = 2, PACKED = PACKED_, CHAIN = CHAIN_;
  typedef X in_t;
  typedef W weight_t;
  typedef ap_int<24> acc_t;
};
template <class Cfg, int SAMPLES_>
struct samples_config : Cfg {
  static const int SAMPLES = SAMPLES_, CHANNELS = Cfg::IN, KH = 1, KW = 1, SW = 1, DW = 1, WORDS = 2;
};

// Two frames of `vectors` inputs through a matrix unit.
template <class Cfg, int VECTORS, int IN_LANES, int OUT_LANES, class Unit>
void run_matrix(const char* name, Unit unit) {
  ++check::configurations;
  long long matrix[Cfg::OUT][Cfg::IN];
  check::matrix_rows<Cfg, typename Cfg::weight_t, Cfg::IN> weights;
  for (int o = 0; o < Cfg::OUT; ++o) {
    for (int i = 0; i < Cfg::IN; ++i) {
      matrix[o][i] = o < 2 ? check::least<typename Cfg::weight_t>() : check::random_of<typename Cfg::weight_t>();
      weights.put(o, i, matrix[o][i]);
    }
  }
  hls::stream<lanes<typename Cfg::in_t, IN_LANES> > in("in");
  hls::stream<lanes<typename Cfg::acc_t, OUT_LANES> > out("out");
  for (int f = 0; f < 2; ++f) {
    long long x[VECTORS * Cfg::IN], expected[VECTORS * Cfg::OUT] = {};
    for (int i = 0; i < VECTORS * Cfg::IN; ++i) {
      x[i] = f == 0 ? check::greatest<typename Cfg::in_t>() : check::random_of<typename Cfg::in_t>();
    }
    for (int v = 0; v < VECTORS; ++v)
      for (int o = 0; o < Cfg::OUT; ++o)
        for (int i = 0; i < Cfg::IN; ++i) expected[v * Cfg::OUT + o] += matrix[o][i] * x[v * Cfg::IN + i];
    check::send(in, x, VECTORS * Cfg::IN);
    unit(in, out, weights.rows);
    check::receive(name, f, out, expected, VECTORS * Cfg::OUT);
  }
}

template <class Cfg>
void run_dense() {
  run_matrix<Cfg, Cfg::VECTORS, Cfg::SIMD, Cfg::PE>(
      "dense", [](auto& in, auto& out, const auto& weights) { isobit::dense<Cfg>(in, out, weights); });
}

template <class Cfg, int SAMPLES>
void run_parallel() {
  typedef samples_config<Cfg, SAMPLES> unit;
  run_matrix<Cfg, unit::WORDS * SAMPLES, SAMPLES * Cfg::IN, SAMPLES * Cfg::OUT>(
      "parallel_dense", [](auto& in, auto& out, const auto& weights) { isobit::parallel_dense<unit>(in, out, weights); });
}

int main() {
#include "cases.inc"
  return check::summary();
}
