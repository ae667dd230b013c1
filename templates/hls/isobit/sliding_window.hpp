// The windows of a convolution or pooling: for every output position, row by row, the pixels its kernel covers.
//
//   struct conv1_window {
//     static const int IMAGES = 1, H = 18, W = 18, CHANNELS = 64, LANES = 8;
//     static const int KH = 3, KW = 3, SH = 1, SW = 1, DH = 1, DW = 1;  // kernel, strides, dilations
//     typedef ap_uint<4> elem_t;
//   };
//
// A frame is IMAGES images of H x W pixels, one after the other. A pixel is FOLDS = CHANNELS / LANES words. A window
// comes kernel row by kernel row, pixel by pixel, fold by fold: TAPS = KH * KW pixels. There is no padding here
// (pad.hpp). 1-D data has H = KH = 1. A kernel of one pixel without strides, or one that covers the frame, needs no
// window unit: its windows are the frame itself.
//
// Schedule: II = 1, TRIPS cycles an image (window_schedule, below): about SPAN * FOLDS, which fill the line buffer,
// plus the larger of the words in and the words out, where SPAN is the pixels from a window's first to its last.
// Words in: H * W * FOLDS, one a cycle while the line buffer has room. Words out: OUT_H * OUT_W * TAPS * FOLDS; the
// first leaves in cycle SPAN * FOLDS, and a window's words leave in successive cycles.
// Memory: DEPTH words with one write port and one read port, in the second template argument's place: sliding_window<
// conv1_window> leaves it to the tool, sliding_window<conv1_window, isobit::URAM> does not.
#ifndef ISOBIT_SLIDING_WINDOW_HPP
#define ISOBIT_SLIDING_WINDOW_HPP

#include "isobit/types.hpp"

namespace isobit {

enum line_memory { AUTO, LUTRAM, BRAM, URAM };

// Everything about the windows that is known before the first pixel. Counts of pixels unless they say words.
template <class Cfg>
struct window_schedule {
  static_assert(Cfg::CHANNELS % Cfg::LANES == 0, "LANES divides CHANNELS");
  static_assert(Cfg::KH >= 1 && Cfg::KW >= 1, "a kernel has pixels");
  static_assert(Cfg::SH >= 1 && Cfg::SW >= 1 && Cfg::DH >= 1 && Cfg::DW >= 1, "strides and dilations count from one");
  static const int SPAN_H = (Cfg::KH - 1) * Cfg::DH + 1;
  static const int SPAN_W = (Cfg::KW - 1) * Cfg::DW + 1;
  static_assert(SPAN_H <= Cfg::H && SPAN_W <= Cfg::W, "the kernel fits into the frame");
  static const int FOLDS = Cfg::CHANNELS / Cfg::LANES;
  static const int TAPS = Cfg::KH * Cfg::KW;
  static const int OUT_H = (Cfg::H - SPAN_H) / Cfg::SH + 1;
  static const int OUT_W = (Cfg::W - SPAN_W) / Cfg::SW + 1;
  static const int WORDS_IN = Cfg::H * Cfg::W * FOLDS;

  // From a window's first pixel to its last, and to the next window's first one, in a row and at a row's end.
  static const int SPAN = (SPAN_H - 1) * Cfg::W + SPAN_W;
  static const int NEXT = Cfg::SW;
  static const int NEXT_ROW = Cfg::SH * Cfg::W - (OUT_W - 1) * Cfg::SW;
  static const int MOVE = NEXT * FOLDS, MOVE_ROW = NEXT_ROW * FOLDS;  // words

  // Pixels read ahead while windows leave: what the longest move to a next window needs, and no more than can
  // pile up in a row of windows. With this much, a row takes as long as the slower of reading and writing it.
  static const int ADVANCE = max_of(OUT_W > 1 ? NEXT : 0, OUT_H > 1 ? NEXT_ROW : 0);
  static const int PILED_UP = (OUT_W - 1) * max_of(TAPS - NEXT, 0) + TAPS;
  static const int AHEAD = min_of(ADVANCE, PILED_UP);
  static const int DEPTH = (SPAN + AHEAD) * FOLDS;  // words

  // A window leaves in TAPS pixel times while the next NEXT or NEXT_ROW pixels come in. TRIPS is exact: the last cycle
  // reads the frame's last word or writes its last window's.
  static const int EMIT_ROW = (OUT_W - 1) * max_of(TAPS, NEXT) + TAPS;
  static const int ROW = max_of(EMIT_ROW, Cfg::SH * Cfg::W);
  // UNUSED pixels follow the last window's last one; AHEAD of them come in while it leaves.
  static const int UNUSED = Cfg::H * Cfg::W - (OUT_H - 1) * Cfg::SH * Cfg::W - (OUT_W - 1) * NEXT - SPAN;
  static const int LAST_ROW = EMIT_ROW + max_of(UNUSED - AHEAD, 0);
  static const int TRIPS = (SPAN + (OUT_H - 1) * ROW + LAST_ROW) * FOLDS;  // cycles
};

namespace detail {
// Walks the line buffer in the order in which words leave.
template <class Cfg>
struct window_walk {
  typedef window_schedule<Cfg> plan;
  typedef typename counter<plan::DEPTH>::type address_t;
  typename counter<plan::FOLDS>::type fold;  // of the next word, as are the next three
  typename counter<Cfg::KW>::type kw;
  typename counter<Cfg::KH>::type kh;
  typename counter<plan::OUT_W>::type column;
  address_t address, first;  // of the next word, and of its window's first one

  window_walk() : fold(0), kw(0), kh(0), column(0), address(0), first(0) {}

  // STEP words further, round and round: both sums and the comparison side by side.
  template <int STEP>
  static address_t ahead(const address_t& address) {
#pragma HLS INLINE
    return address >= plan::DEPTH - STEP % plan::DEPTH ? address_t(address - (plan::DEPTH - STEP % plan::DEPTH))
                                                        : address_t(address + STEP % plan::DEPTH);
  }

  // Moves on by one word; says whether the last word of a window left, or of a row of windows.
  void next(bool& window_ends, bool& row_ends) {
#pragma HLS INLINE
    static const int STEP_TAP = (Cfg::DW - 1) * plan::FOLDS + 1;
    static const int STEP_LINE = (Cfg::DH * Cfg::W - plan::SPAN_W) * plan::FOLDS + 1;
    const bool pixel_ends = fold == plan::FOLDS - 1;
    const bool line_ends = pixel_ends && kw == Cfg::KW - 1;
    window_ends = line_ends && kh == Cfg::KH - 1;
    row_ends = window_ends && column == plan::OUT_W - 1;
    const address_t next_first = row_ends ? ahead<plan::MOVE_ROW>(first) : ahead<plan::MOVE>(first);
    address = window_ends  ? next_first
              : line_ends  ? ahead<STEP_LINE>(address)
              : pixel_ends ? ahead<STEP_TAP>(address)
                           : ahead<1>(address);
    if (window_ends) {
      first = next_first;
      column = successor(column, plan::OUT_W);
    }
    if (line_ends) kh = successor(kh, Cfg::KH);
    if (pixel_ends) kw = successor(kw, Cfg::KW);
    fold = successor(fold, plan::FOLDS);
  }
};

// A pragma takes no template parameter: every place has a function of its own, which is inlined with its pragma.
template <line_memory PLACE>
struct in_memory;

template <>
struct in_memory<AUTO> {
  template <class Memory>
  static void bind(Memory& lines) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p
    (void)lines;
  }
};

template <>
struct in_memory<LUTRAM> {
  template <class Memory>
  static void bind(Memory& lines) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p impl=lutram
    (void)lines;
  }
};

template <>
struct in_memory<BRAM> {
  template <class Memory>
  static void bind(Memory& lines) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p impl=bram
    (void)lines;
  }
};

template <>
struct in_memory<URAM> {
  template <class Memory>
  static void bind(Memory& lines) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=lines type=ram_s2p impl=uram
    (void)lines;
  }
};
}  // namespace detail

template <class Cfg, line_memory PLACE = AUTO>
void sliding_window(hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& in,
                    hls::stream<lanes<typename Cfg::elem_t, Cfg::LANES> >& out) {
  typedef window_schedule<Cfg> plan;
  // A word is read in a later cycle than it was written, and overwritten in a later one than it was last read: `held`
  // counts earlier cycles only. What is read never decides what is written, so the dependences that the tool must
  // assume between the two ports order them within a cycle but close no loop: II = 1 without a DEPENDENCE pragma.
  typename Cfg::elem_t lines[plan::DEPTH][Cfg::LANES];
#pragma HLS ARRAY_RESHAPE variable=lines complete dim=2
  detail::in_memory<PLACE>::bind(lines);

  detail::window_walk<Cfg> window;
  typename counter<plan::WORDS_IN>::type received = 0;
  typename counter<plan::DEPTH>::type write_address = 0;
  // Words received from the window's first one on; negative while pixels between windows pass.
  typedef typename counter<max_of(plan::DEPTH, max_of(plan::MOVE, plan::MOVE_ROW))>::type held_t;
  held_t held = 0;
  typename counter<plan::TRIPS>::type trip = 0;  // of the image; where there is one nothing depends on it
  for (int i = 0; i < Cfg::IMAGES * plan::TRIPS; ++i) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const bool emits = held >= plan::SPAN * plan::FOLDS;
    const bool reads = received < plan::WORDS_IN && held < plan::DEPTH;
    bool window_ends = false, row_ends = false;
    if (emits) {
      out.write(word_of(lines[window.address]));
      window.next(window_ends, row_ends);
    }
    if (reads) {
      keep(in.read(), lines[write_address]);
      write_address = successor(write_address, plan::DEPTH);
      received += 1;
    }
    // One of six sums of what was held: what the next window no longer needs goes, a word comes.
    if (Cfg::IMAGES == 1 ? i == plan::TRIPS - 1 : trip == plan::TRIPS - 1) {  // the next image begins as this one did
      window.address = window.first = 0;
      received = 0;
      write_address = 0;
      held = 0;
    } else if (reads) {
      held = row_ends      ? held_t(held - (plan::MOVE_ROW - 1))
             : window_ends ? held_t(held - (plan::MOVE - 1))
                           : held_t(held + 1);
    } else {
      held = row_ends ? held_t(held - plan::MOVE_ROW) : window_ends ? held_t(held - plan::MOVE) : held;
    }
    trip = successor(trip, plan::TRIPS);
  }
}

}  // namespace isobit

#endif
