// isobit/bipolar.hpp: every weight and input of a few, and the matrix units with weights of one bit, over their foldings.
#include "isobit/bipolar.hpp"

#include "check.hpp"
#include "isobit/parallel_dense.hpp"

using check::lanes;

// N inputs of all values with all weights.
template <class T, int N>
void run_every() {
  ++check::configurations;
  const int values = 1 << isobit::int_traits<T>::WIDTH;
  int all = 1;
  for (int s = 0; s < N; ++s) all *= values;
  for (int row = 0; row < all; ++row) {
    T x[1][N];
    long long least = check::least<T>(), number = row;
    for (int s = 0; s < N; ++s, number /= values) x[0][s] = T(least + number % values);
    for (int weights = 0; weights < 1 << N; ++weights) {
      unsigned char v[N];
      long long expected = 0;
      for (int s = 0; s < N; ++s) {
        v[s] = weights >> s & 1;
        const long long value = x[0][s].to_int64();
        expected += v[s] ? value : -value;
      }
      ap_int<20> sums[1][1];
      isobit::detail::bipolar_dots(x, v, sums);
      check::equal("sum", weights, row, expected, sums[0][0].to_int64());
    }
  }
}

template <int IN_, int OUT_, int SIMD_, int PE_, class X>
struct config {
  static const int IN = IN_, OUT = OUT_, SIMD = SIMD_, PE = PE_, VECTORS = 2, BIPOLAR = 1;
  typedef X in_t;
  typedef ap_uint<1> weight_t;
  typedef ap_int<16> acc_t;
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
      const int bit = o < 2 ? o : int(check::random_of<typename Cfg::weight_t>());
      matrix[o][i] = 2 * bit - 1;
      weights.put(o, i, bit);
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
