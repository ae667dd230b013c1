// Windows of several positions at a time, and every unit that takes them, against plain loops.
#include <algorithm>
#include <vector>

#include "check.hpp"
#include "isobit/concat.hpp"
#include "isobit/depthwise.hpp"
#include "isobit/line_window.hpp"
#include "isobit/max_pool.hpp"
#include "isobit/parallel_dense.hpp"
#include "isobit/parallel_depthwise.hpp"
#include "isobit/parallel_max_pool.hpp"
#include "isobit/parallel_window.hpp"

using check::lanes;
typedef std::vector<long long> values;

template <int H_, int W_, int KH_, int KW_, int SH_, int SW_, int DH_, int DW_>
struct kernel {
  static const int H = H_, W = W_, KH = KH_, KW = KW_, SH = SH_, SW = SW_, DH = DH_, DW = DW_;
};
template <class Kernel, int TOP_, int BOTTOM_, int LEFT_, int RIGHT_, int CHANNELS_, int SAMPLES_>
struct block_config : Kernel {
  static const int TOP = TOP_, BOTTOM = BOTTOM_, LEFT = LEFT_, RIGHT = RIGHT_, VALUE = -3;
  static const int CHANNELS = CHANNELS_, SAMPLES = SAMPLES_;
  static const int OUT_H = (TOP + Kernel::H + BOTTOM - (Kernel::KH - 1) * Kernel::DH - 1) / Kernel::SH + 1;
  static const int OUT_W = (LEFT + Kernel::W + RIGHT - (Kernel::KW - 1) * Kernel::DW - 1) / Kernel::SW + 1;
  static const int WORDS = OUT_H * OUT_W / SAMPLES;
  static const int TAPS = Kernel::KH * Kernel::KW, POSITIONS = OUT_H * OUT_W, PIXELS = Kernel::H * Kernel::W;
  typedef ap_uint<3> in_t;
  typedef ap_int<4> out_t, elem_t;
};

template <class T>
values random_values(int count) {
  values result;
  for (int i = 0; i < count; ++i) result.push_back(check::random_of<T>());
  return result;
}

// Element c of a tap of the window at a position, the border's value outside the frame.
template <class Cfg>
long long element(const values& frame, int position, int tap, int c) {
  const int y = position / Cfg::OUT_W * Cfg::SH + tap / Cfg::KW * Cfg::DH - Cfg::TOP;
  const int x = position % Cfg::OUT_W * Cfg::SW + tap % Cfg::KW * Cfg::DW - Cfg::LEFT;
  const bool inside = y >= 0 && y < Cfg::H && x >= 0 && x < Cfg::W;
  return inside ? frame[(y * Cfg::W + x) * Cfg::CHANNELS + c] : Cfg::VALUE;
}

template <class Cfg, int OUT_, int PE_, int SIMD_>
struct dense_config : Cfg {
  static const int OUT = OUT_, PE = PE_, SIMD = SIMD_, IN = Cfg::TAPS * Cfg::CHANNELS;
  typedef ap_int<4> in_t;
  typedef ap_int<3> weight_t;
  typedef ap_int<14> acc_t;
};

// The blocks of two frames through a matrix-vector unit.
template <class Cfg, int OUT, int PE, int SIMD>
void run_dense() {
  ++check::configurations;
  typedef dense_config<Cfg, OUT, PE, SIMD> unit;
  const values matrix = random_values<typename unit::weight_t>(OUT * unit::IN);
  check::matrix_rows<unit, ap_int<3>, unit::IN> weights;
  for (int o = 0; o < OUT; ++o)
    for (int i = 0; i < unit::IN; ++i) weights.put(o, i, matrix[o * unit::IN + i]);
  hls::stream<lanes<ap_uint<3>, Cfg::SAMPLES * Cfg::SW * Cfg::CHANNELS> > in("in");
  hls::stream<lanes<ap_int<4>, isobit::block<Cfg>::LANES> > blocks("blocks");
  hls::stream<lanes<ap_int<14>, Cfg::SAMPLES * OUT> > out("out");
  for (int f = 0; f < 2; ++f) {
    const values frame = random_values<ap_uint<3> >(Cfg::PIXELS * Cfg::CHANNELS);
    values expected;
    for (int p = 0; p < Cfg::POSITIONS; ++p)
      for (int o = 0; o < OUT; ++o) {
        expected.push_back(0);
        for (int t = 0; t < Cfg::TAPS; ++t)
          for (int c = 0; c < Cfg::CHANNELS; ++c)
            expected.back() += matrix[o * unit::IN + t * Cfg::CHANNELS + c] * element<Cfg>(frame, p, t, c);
      }
    check::send(in, frame.data(), frame.size());
    isobit::parallel_window<Cfg>(in, blocks);
    isobit::parallel_dense<unit>(blocks, out, weights.rows);
    check::receive("parallel_dense", f, out, expected.data(), expected.size());
  }
}

// The blocks of a frame; those of a line, where they reach beyond their place, as lines without a gap make them.
template <class Cfg, bool LINE>
struct blocks_of {
  template <class In, class Out>
  static void run(In& in, Out& blocks) {
    isobit::parallel_window<Cfg, isobit::BRAM>(in, blocks);
  }
};
template <class Cfg>
struct ahead_config {
  static const int WORDS = isobit::block_schedule<Cfg>::WORDS, AHEAD = isobit::block_schedule<Cfg>::LAG;
  static const int LANES = isobit::block_schedule<Cfg>::STEP * Cfg::CHANNELS;
  typedef typename Cfg::in_t elem_t;
};
template <class Cfg>
struct blocks_of<Cfg, true> {
  typedef ahead_config<Cfg> ahead;
  template <class In, class Out>
  static void run(In& in, Out& blocks) {
    hls::stream<lanes<typename Cfg::in_t, ahead::AHEAD * ahead::LANES> > head("head");
    hls::stream<lanes<typename Cfg::in_t, ahead::LANES> > body("body");
    isobit::look_ahead<ahead>(in, head, body);
    isobit::line_window<Cfg>(head, body, blocks);
  }
};
template <class Cfg>
struct reaches_ahead {
  typedef isobit::block_schedule<Cfg> plan;
  static const bool value = Cfg::H == 1 && Cfg::KH == 1 && plan::LAG >= 1 && plan::LAG < plan::WORDS;
};

template <class Cfg>
struct channel_config : Cfg {
  typedef ap_int<4> in_t, elem_t, weight_t;
  typedef ap_int<13> acc_t;
};

// The same blocks through the units that work channel by channel.
template <class Cfg>
void run_channels() {
  ++check::configurations;
  typedef channel_config<Cfg> unit;
  static const int BLOCK = isobit::block<Cfg>::LANES;
  check::packed_rows<ap_int<4>, Cfg::TAPS, Cfg::CHANNELS> weights;
  const values factors = random_values<ap_int<4> >(Cfg::TAPS * Cfg::CHANNELS);
  for (int t = 0; t < Cfg::TAPS; ++t)
    for (int c = 0; c < Cfg::CHANNELS; ++c) weights.set(t, c, factors[t * Cfg::CHANNELS + c]);
  hls::stream<lanes<ap_uint<3>, Cfg::SAMPLES * Cfg::SW * Cfg::CHANNELS> > in("in");
  hls::stream<lanes<ap_int<4>, BLOCK> > blocks("blocks"), again("again");
  hls::stream<lanes<ap_int<13>, Cfg::SAMPLES * Cfg::CHANNELS> > sums("sums");
  hls::stream<lanes<ap_int<4>, Cfg::SAMPLES * Cfg::CHANNELS> > largest("largest");
  for (int f = 0; f < 2; ++f) {
    const values frame = random_values<ap_uint<3> >(Cfg::PIXELS * Cfg::CHANNELS);
    values expected_sum, expected_max;
    for (int p = 0; p < Cfg::POSITIONS; ++p)
      for (int c = 0; c < Cfg::CHANNELS; ++c) {
        expected_sum.push_back(0);
        expected_max.push_back(element<Cfg>(frame, p, 0, c));
        for (int t = 0; t < Cfg::TAPS; ++t) {
          expected_sum.back() += factors[t * Cfg::CHANNELS + c] * element<Cfg>(frame, p, t, c);
          expected_max.back() = std::max(expected_max.back(), element<Cfg>(frame, p, t, c));
        }
      }
    check::send(in, frame.data(), frame.size());
    blocks_of<Cfg, reaches_ahead<Cfg>::value>::run(in, blocks);
    for (int i = 0; i < Cfg::WORDS; ++i) {
      const lanes<ap_int<4>, BLOCK> word = blocks.read();
      blocks.write(word);
      again.write(word);
    }
    isobit::parallel_depthwise<unit>(blocks, sums, weights.rows);
    check::receive("parallel_depthwise", f, sums, expected_sum.data(), expected_sum.size());
    isobit::parallel_max_pool<unit>(again, largest);
    check::receive("parallel_max_pool", f, largest, expected_max.data(), expected_max.size());
  }
}

template <int CHANNELS_, int PIXELS_, int TAPS_, int VECTORS_>
struct whole_config {
  static const int CHANNELS = CHANNELS_, PE = PIXELS_ * CHANNELS_, TAPS = TAPS_, VECTORS = VECTORS_;
  typedef ap_uint<3> in_t, elem_t;
  typedef ap_int<3> weight_t;
  typedef ap_int<12> acc_t;
};

// Several whole pixels of one window in a word, as a pool over the whole frame takes them.
template <class Cfg>
void run_whole() {
  ++check::configurations;
  static const int SIZE = Cfg::VECTORS * Cfg::TAPS * Cfg::CHANNELS;
  check::packed_rows<ap_int<3>, Cfg::TAPS * Cfg::CHANNELS / Cfg::PE, Cfg::PE> weights;
  values factors = random_values<ap_int<3> >(Cfg::TAPS * Cfg::CHANNELS);
  for (int i = 0; i < Cfg::TAPS * Cfg::CHANNELS; ++i) weights.set(i / Cfg::PE, i % Cfg::PE, factors[i]);
  hls::stream<lanes<ap_uint<3>, Cfg::PE> > in("in");
  hls::stream<lanes<ap_int<12>, Cfg::CHANNELS> > sums("sums");
  hls::stream<lanes<ap_uint<3>, Cfg::CHANNELS> > largest("largest");
  const values x = random_values<ap_uint<3> >(SIZE);
  values expected_sum(Cfg::VECTORS * Cfg::CHANNELS, 0), expected_max(Cfg::VECTORS * Cfg::CHANNELS, 0);
  for (int i = 0; i < SIZE; ++i) {
    const int tap = i % (Cfg::TAPS * Cfg::CHANNELS);
    const int to = i / (Cfg::TAPS * Cfg::CHANNELS) * Cfg::CHANNELS + i % Cfg::CHANNELS;
    expected_sum[to] += factors[tap] * x[i];
    expected_max[to] = std::max(expected_max[to], x[i]);
  }
  check::send(in, x.data(), SIZE);
  isobit::depthwise<Cfg>(in, sums, weights.rows);
  check::receive("depthwise", 0, sums, expected_sum.data(), expected_sum.size());
  check::send(in, x.data(), SIZE);
  isobit::max_pool<Cfg>(in, largest);
  check::receive("max_pool", 0, largest, expected_max.data(), expected_max.size());
}

template <int WORDS_, int SAMPLES_, int A_, int B_>
struct join_config {
  static const int WORDS = WORDS_, SAMPLES = SAMPLES_, A = A_, B = B_;
  typedef ap_uint<3> a_t;
  typedef ap_int<3> b_t;
  typedef ap_int<4> out_t;
};

template <class Cfg>
void run_concat() {
  ++check::configurations;
  hls::stream<lanes<ap_uint<3>, Cfg::SAMPLES * Cfg::A> > in_a("a");
  hls::stream<lanes<ap_int<3>, Cfg::SAMPLES * Cfg::B> > in_b("b");
  hls::stream<lanes<ap_int<4>, Cfg::SAMPLES * (Cfg::A + Cfg::B)> > out("out");
  const values a = random_values<ap_uint<3> >(Cfg::WORDS * Cfg::SAMPLES * Cfg::A);
  const values b = random_values<ap_int<3> >(Cfg::WORDS * Cfg::SAMPLES * Cfg::B);
  values expected;
  for (int p = 0; p < Cfg::WORDS * Cfg::SAMPLES; ++p) {
    expected.insert(expected.end(), a.begin() + p * Cfg::A, a.begin() + (p + 1) * Cfg::A);
    expected.insert(expected.end(), b.begin() + p * Cfg::B, b.begin() + (p + 1) * Cfg::B);
  }
  check::send(in_a, a.data(), a.size());
  check::send(in_b, b.data(), b.size());
  isobit::parallel_concat<Cfg>(in_a, in_b, out);
  check::receive("parallel_concat", 0, out, expected.data(), expected.size());
}

int main() {
#include "cases.inc"
  return check::summary();
}
