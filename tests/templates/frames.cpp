// What moves pixels and channels without computing (padding, joining, repeating, cutting, reordering) against plain loops.
#include <vector>

#include "check.hpp"
#include "isobit/concat.hpp"
#include "isobit/pad.hpp"
#include "isobit/reorder.hpp"
#include "isobit/slice.hpp"
#include "isobit/upsample.hpp"

using check::lanes;
typedef std::vector<long long> values;

// A frame of height * width pixels; elements outside it do not exist.
struct image {
  int height, width, channels;
  values elements;

  long long& at(int y, int x, int c) { return elements[(y * width + x) * channels + c]; }
};

inline image filled(int height, int width, int channels, long long value) {
  return {height, width, channels, values(height * width * channels, value)};
}

template <class T>
image random_image(int height, int width, int channels) {
  image result = filled(height, width, channels, 0);
  for (long long& element : result.elements) element = check::random_of<T>();
  return result;
}

// Sends two random frames through `process` and expects what `formula` makes of each.
template <class In, class Out, int LANES, class Process, class Formula>
void drive(const char* what, int height, int width, int channels, Process process, Formula formula) {
  ++check::configurations;
  hls::stream<lanes<In, LANES> > in("in");
  hls::stream<lanes<Out, LANES> > out("out");
  for (int f = 0; f < 2; ++f) {
    image frame = random_image<In>(height, width, channels);
    const values expected = formula(frame);
    check::send(in, frame.elements.data(), frame.elements.size());
    process(in, out);
    check::receive(what, f, out, expected.data(), expected.size());
  }
}

template <int H_, int W_, int CHANNELS_, int LANES_>
struct frame_config {
  static const int H = H_, W = W_, CHANNELS = CHANNELS_, LANES = LANES_;
};

template <class Frame, int TOP_, int BOTTOM_, int LEFT_, int RIGHT_, int VALUE_>
struct pad_config : Frame {
  static const int TOP = TOP_, BOTTOM = BOTTOM_, LEFT = LEFT_, RIGHT = RIGHT_, VALUE = VALUE_;
  typedef ap_uint<3> in_t;
  typedef ap_int<5> out_t;
};

template <class Cfg>
void run_pad() {
  drive<ap_uint<3>, ap_int<5>, Cfg::LANES>("pad", Cfg::H, Cfg::W, Cfg::CHANNELS, isobit::pad<Cfg>, [](image& frame) {
    image result = filled(Cfg::TOP + Cfg::H + Cfg::BOTTOM, Cfg::LEFT + Cfg::W + Cfg::RIGHT, Cfg::CHANNELS, Cfg::VALUE);
    for (int y = 0; y < Cfg::H; ++y)
      for (int x = 0; x < Cfg::W; ++x)
        for (int c = 0; c < Cfg::CHANNELS; ++c) result.at(Cfg::TOP + y, Cfg::LEFT + x, c) = frame.at(y, x, c);
    return result.elements;
  });
}

template <class Frame, int FACTOR_H_, int FACTOR_W_>
struct upsample_config : Frame {
  static const int FACTOR_H = FACTOR_H_, FACTOR_W = FACTOR_W_;
  typedef ap_int<6> elem_t;
};

template <class Cfg>
void run_upsample() {
  typedef typename Cfg::elem_t elem_t;
  drive<elem_t, elem_t, Cfg::LANES>(
      "upsample", Cfg::H, Cfg::W, Cfg::CHANNELS, isobit::upsample<Cfg>, [](image& frame) {
        values result;
        for (int y = 0; y < Cfg::H * Cfg::FACTOR_H; ++y)
          for (int x = 0; x < Cfg::W * Cfg::FACTOR_W; ++x)
            for (int c = 0; c < Cfg::CHANNELS; ++c) result.push_back(frame.at(y / Cfg::FACTOR_H, x / Cfg::FACTOR_W, c));
        return result;
      });
}

template <int H_, int W_, int IN_WORDS_, int LANES_, int TOP_, int LEFT_, int FIRST_, int OUT_H_, int OUT_W_,
          int OUT_WORDS_>
struct slice_config {
  static const int H = H_, W = W_, IN_WORDS = IN_WORDS_, LANES = LANES_;
  static const int TOP = TOP_, LEFT = LEFT_, FIRST = FIRST_, OUT_H = OUT_H_, OUT_W = OUT_W_, OUT_WORDS = OUT_WORDS_;
  typedef ap_int<6> elem_t;
};

template <class Cfg>
void run_slice() {
  typedef typename Cfg::elem_t elem_t;
  drive<elem_t, elem_t, Cfg::LANES>(
      "slice", Cfg::H, Cfg::W, Cfg::IN_WORDS * Cfg::LANES, isobit::slice<Cfg>, [](image& frame) {
        values result;
        for (int y = 0; y < Cfg::OUT_H; ++y)
          for (int x = 0; x < Cfg::OUT_W; ++x)
            for (int c = 0; c < Cfg::OUT_WORDS * Cfg::LANES; ++c)
              result.push_back(frame.at(Cfg::TOP + y, Cfg::LEFT + x, Cfg::FIRST * Cfg::LANES + c));
        return result;
      });
}

template <int IN_WORDS_, int OUT_WORDS_, int LANES_>
struct reorder_config {
  static const int IN_WORDS = IN_WORDS_, OUT_WORDS = OUT_WORDS_, LANES = LANES_;
  typedef ap_int<6> elem_t;
  typedef ap_uint<isobit::max_of(1, isobit::ceil_log2(IN_WORDS_))> index_t;
};

// Random indices: words dropped, repeated and moved.
template <class Cfg>
void run_reorder() {
  typedef typename Cfg::elem_t elem_t;
  typedef hls::stream<lanes<elem_t, Cfg::LANES> > stream;
  typename check::rom_of<typename Cfg::index_t>::type index[Cfg::OUT_WORDS];
  for (auto& word : index) word = check::random_in(0, Cfg::IN_WORDS - 1);
  drive<elem_t, elem_t, Cfg::LANES>(
      "reorder", 1, Cfg::IN_WORDS, Cfg::LANES,
      [&](stream& in, stream& out) { isobit::reorder<Cfg>(in, out, index); },
      [&](image& frame) {
        values result;
        for (auto word : index)
          for (int l = 0; l < Cfg::LANES; ++l) result.push_back(frame.at(0, word, l));
        return result;
      });
}

template <int POSITIONS_, int A_WORDS_, int B_WORDS_, int LANES_, class A, class B, class Y>
struct concat_config {
  static const int POSITIONS = POSITIONS_, A_WORDS = A_WORDS_, B_WORDS = B_WORDS_, LANES = LANES_;
  typedef A a_t;
  typedef B b_t;
  typedef Y out_t;
};

template <class Cfg>
void run_concat() {
  static const int A = Cfg::A_WORDS * Cfg::LANES, B = Cfg::B_WORDS * Cfg::LANES;
  typedef hls::stream<lanes<typename Cfg::a_t, Cfg::LANES> > stream_a;
  typedef hls::stream<lanes<typename Cfg::out_t, Cfg::LANES> > stream_out;
  hls::stream<lanes<typename Cfg::b_t, Cfg::LANES> > in_b("b");
  drive<typename Cfg::a_t, typename Cfg::out_t, Cfg::LANES>(
      "concat", 1, Cfg::POSITIONS, A, [&](stream_a& in_a, stream_out& out) { isobit::concat<Cfg>(in_a, in_b, out); },
      [&](image& a) {
        image b = random_image<typename Cfg::b_t>(1, Cfg::POSITIONS, B);
        check::send(in_b, b.elements.data(), b.elements.size());
        values result;
        for (int p = 0; p < Cfg::POSITIONS; ++p) {
          for (int c = 0; c < A; ++c) result.push_back(a.at(0, p, c));
          for (int c = 0; c < B; ++c) result.push_back(b.at(0, p, c));
        }
        return result;
      });
}

int main() {
#include "cases.inc"
  return check::summary();
}
