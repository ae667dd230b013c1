// The sliding window, alone and before each unit that takes windows, against plain loops; and its declared schedule.
#include <algorithm>
#include <vector>

#include "check.hpp"
#include "isobit/dense.hpp"
#include "isobit/depthwise.hpp"
#include "isobit/max_pool.hpp"
#include "isobit/sliding_window.hpp"

using check::lanes;
typedef std::vector<long long> values;

template <int H_, int W_, int KH_, int KW_, int SH_, int SW_, int DH_, int DW_>
struct kernel {
  static const int IMAGES = 1, H = H_, W = W_, KH = KH_, KW = KW_, SH = SH_, SW = SW_, DH = DH_, DW = DW_;
};
template <class Kernel, int CHANNELS_, int LANES_, class E>
struct window_config : Kernel {
  static const int CHANNELS = CHANNELS_, LANES = LANES_;
  typedef E elem_t;
};

// The same numbers at run time, so that the loops below are compiled once.
struct shape {
  int h, w, channels, kh, kw, sh, sw, dh, dw, lanes;
  template <class Cfg>
  static shape of() {
    return {Cfg::H, Cfg::W, Cfg::CHANNELS, Cfg::KH, Cfg::KW, Cfg::SH, Cfg::SW, Cfg::DH, Cfg::DW, Cfg::LANES};
  }
  int out_h() const { return (h - (kh - 1) * dh - 1) / sh + 1; }
  int out_w() const { return (w - (kw - 1) * dw - 1) / sw + 1; }
  int taps() const { return kh * kw; }
  int positions() const { return out_h() * out_w(); }
  // Where channel c of a tap of a window lies in the frame.
  int source(int position, int tap, int c) const {
    const int y = position / out_w() * sh + tap / kw * dh, x = position % out_w() * sw + tap % kw * dw;
    return (y * w + x) * channels + c;
  }
  values windows(const values& frame) const {
    values result;
    for (int p = 0; p < positions(); ++p)
      for (int t = 0; t < taps(); ++t)
        for (int c = 0; c < channels; ++c) result.push_back(frame[source(p, t, c)]);
    return result;
  }
};

// Cycles of a frame through a line buffer of `depth` words, or -1 if it gets stuck: a word is read as soon as its
// predecessor has been and there is a free place; a window leaves as soon as its last word is there.
inline long long cycles(const shape& s, int depth) {
  const size_t words = s.h * s.w * s.channels / s.lanes;
  values read;        // the cycle of each word
  long long end = 0;  // the cycle after the last window's last word
  for (int window = 0; window <= s.positions(); ++window) {
    const bool frame_ends = window == s.positions();
    const size_t first = frame_ends ? words : s.source(window, 0, 0) / s.lanes;
    while (read.size() < words && read.size() < first + depth)
      read.push_back(read.empty() ? 0 : std::max(read.back() + 1, end));
    if (frame_ends) break;
    const size_t last = s.source(window, s.taps() - 1, s.channels - 1) / s.lanes;
    if (last >= read.size()) return -1;
    end = std::max(end, read[last] + 1) + s.taps() * s.channels / s.lanes;
  }
  return std::max(end, read.back() + 1);
}

// TRIPS is exact, and DEPTH the least: one pixel less and the frame takes longer.
template <class Cfg>
void check_schedule(const shape& s) {
  typedef isobit::window_schedule<Cfg> plan;
  const int trips = plan::TRIPS, depth = plan::DEPTH, folds = plan::FOLDS, ahead = plan::AHEAD;
  check::equal("cycles", 0, 0, cycles(s, depth), trips);
  if (ahead == 0) return;
  const long long shallower = cycles(s, depth - folds);
  check::equal("least depth", 0, 0, 1, shallower < 0 || shallower > trips);
}

template <class T>
values random_values(int count) {
  values result;
  for (int i = 0; i < count; ++i) result.push_back(check::random_of<T>());
  return result;
}

template <class Cfg>
void run_window() {
  ++check::configurations;
  const shape s = shape::of<Cfg>();
  check_schedule<Cfg>(s);
  hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> > in("in"), out("out");
  std::vector<values> frames;
  for (int f = 0; f < 2; ++f) {
    frames.push_back(random_values<typename Cfg::elem_t>(s.h * s.w * s.channels));
    check::send(in, frames[f].data(), frames[f].size());
  }
  for (int f = 0; f < 2; ++f) {
    isobit::sliding_window<Cfg>(in, out);
    const values expected = s.windows(frames[f]);
    check::receive("sliding_window", f, out, expected.data(), expected.size());
  }
}

// A convolution: windows, then a dense unit at every position.
template <class Cfg, int OUT_, int PE_>
struct dense_config {
  static const int IN = Cfg::KH * Cfg::KW * Cfg::CHANNELS, OUT = OUT_, SIMD = Cfg::LANES, PE = PE_;
  static const int VECTORS = isobit::window_schedule<Cfg>::OUT_H * isobit::window_schedule<Cfg>::OUT_W;
  typedef typename Cfg::elem_t in_t;
  typedef ap_int<3> weight_t;
  typedef ap_int<16> acc_t;
};

template <class Cfg, int OUT, int PE>
void run_convolution() {
  ++check::configurations;
  typedef dense_config<Cfg, OUT, PE> unit;
  const shape s = shape::of<Cfg>();
  const values matrix = random_values<typename unit::weight_t>(OUT * unit::IN);
  check::matrix_rows<unit, ap_int<3>, unit::IN> weights;
  for (int o = 0; o < OUT; ++o)
    for (int i = 0; i < unit::IN; ++i) weights.put(o, i, matrix[o * unit::IN + i]);
  hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> > in("in"), windows("windows");
  hls::stream<lanes<ap_int<16>, PE> > out("out");
  for (int f = 0; f < 2; ++f) {
    const values frame = random_values<typename Cfg::elem_t>(s.h * s.w * s.channels);
    values expected;
    for (int p = 0; p < s.positions(); ++p)
      for (int o = 0; o < OUT; ++o) {
        expected.push_back(0);
        for (int t = 0; t < s.taps(); ++t)
          for (int c = 0; c < s.channels; ++c)
            expected.back() += matrix[o * unit::IN + t * s.channels + c] * frame[s.source(p, t, c)];
      }
    check::send(in, frame.data(), frame.size());
    isobit::sliding_window<Cfg>(in, windows);
    isobit::dense<unit>(windows, out, weights.rows);
    check::receive("convolution", f, out, expected.data(), expected.size());
  }
}

// Depthwise convolution and max pooling on the same windows.
template <class Cfg>
struct channel_config {
  static const int CHANNELS = Cfg::CHANNELS, PE = Cfg::LANES, TAPS = Cfg::KH * Cfg::KW;
  static const int VECTORS = isobit::window_schedule<Cfg>::OUT_H * isobit::window_schedule<Cfg>::OUT_W;
  typedef typename Cfg::elem_t in_t, elem_t;
  static const bool SIGNED = check::int_traits<in_t>::SIGNED;
  typedef typename isobit::any_int<4, SIGNED>::type weight_t;
  typedef typename isobit::any_int<check::int_traits<in_t>::WIDTH + 4 + isobit::ceil_log2(TAPS), SIGNED>::type acc_t;
};

template <class Cfg>
void run_channels() {
  ++check::configurations;
  typedef channel_config<Cfg> unit;
  typedef typename unit::weight_t weight_t;
  const shape s = shape::of<Cfg>();
  check::packed_rows<weight_t, unit::TAPS * (unit::CHANNELS / unit::PE), unit::PE> weights;
  const values taps = random_values<weight_t>(s.taps() * s.channels);
  for (int t = 0; t < s.taps(); ++t)
    for (int c = 0; c < s.channels; ++c)
      weights.set(t * (s.channels / s.lanes) + c / s.lanes, c % s.lanes, taps[t * s.channels + c]);
  hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> > windows("windows"), largest("largest");
  hls::stream<lanes<typename unit::acc_t, Cfg::LANES> > sums("sums");
  for (int f = 0; f < 2; ++f) {
    const values frame = random_values<typename Cfg::elem_t>(s.h * s.w * s.channels), all = s.windows(frame);
    values expected_sum, expected_max;
    for (int p = 0; p < s.positions(); ++p)
      for (int c = 0; c < s.channels; ++c) {
        expected_sum.push_back(0);
        expected_max.push_back(frame[s.source(p, 0, c)]);
        for (int t = 0; t < s.taps(); ++t) {
          expected_sum.back() += taps[t * s.channels + c] * frame[s.source(p, t, c)];
          expected_max.back() = std::max(expected_max.back(), frame[s.source(p, t, c)]);
        }
      }
    check::send(windows, all.data(), all.size());
    isobit::depthwise<unit>(windows, sums, weights.rows);
    check::receive("depthwise", f, sums, expected_sum.data(), expected_sum.size());
    check::send(windows, all.data(), all.size());
    isobit::max_pool<unit>(windows, largest);
    check::receive("max_pool", f, largest, expected_max.data(), expected_max.size());
  }
}

int main() {
#include "cases.inc"
  return check::summary();
}
