// The loop of the units that work element by element with constants of their channel.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8;
//     typedef ap_int<16> in_t;  typedef ap_int<8> out_t;
//   };
//
// Element pe of word i is of channel (i * PE + pe) mod CHANNELS. Constants come in ROWS rows of LANES: channel
// row * LANES + lane. A row is read in one clock, all of it, so that its values lie in words (rom.hpp) and the array is
// reshaped along them; a table, of which every lane reads an entry of its own, has a memory for each lane.
// With CHANNELS = 1 there is one constant for the whole tensor. Schedule: II = 1, FOLDS words in and out.
#ifndef ISOBIT_PER_CHANNEL_HPP
#define ISOBIT_PER_CHANNEL_HPP

#include "isobit/rom.hpp"
#include "isobit/types.hpp"

namespace isobit {

template <class Cfg>
struct channel_rows {
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0, "a frame holds every channel equally often");
  static const int LANES = min_of(Cfg::PE, Cfg::CHANNELS);
  static const int ROWS = Cfg::CHANNELS / LANES;
  typedef typename counter<ROWS>::type row_t;

  // Channel of element pe of a word that takes `row`; per tensor, the element itself.
  static int channel(int row, int pe) { return Cfg::CHANNELS == 1 ? pe : row * LANES + pe % LANES; }
};

// The constant of a lane in a row of them.
template <class Cfg, class T, class Row>
inline T channel_constant(const Row& row, int lane) {
#pragma HLS INLINE
  return from_row<T, channel_rows<Cfg>::LANES>(row, lane);
}

// Tables of all channels, of SIZE entries each.
template <class Cfg, class T, int SIZE>
using channel_tables = typename rom_of<T>::type[channel_rows<Cfg>::ROWS][channel_rows<Cfg>::LANES][SIZE];

namespace detail {
// m * acc + offset, in a type that holds the product, the offset and the sum.
template <class Cfg>
struct affine {
  static const int WIDTH = max_of(signed_width<typename Cfg::sum_t>::VALUE,
                                  max_of(signed_width<typename Cfg::product_t>::VALUE,
                                         signed_width<typename Cfg::offset_t>::VALUE));
  typedef typename working<WIDTH>::type total_t;

  static total_t at(const typename Cfg::in_t& acc, const typename Cfg::multiplier_t& m,
                    const typename Cfg::offset_t& offset) {
#pragma HLS INLINE
    total_t total = product_of<typename Cfg::product_t>(m, acc);
    total += offset;
    return typename Cfg::sum_t(total);
  }
};
}  // namespace detail

// y = Body::apply(acc, lane, rows of constants).
template <class Cfg, class Body, class... Rows>
void per_channel(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                 hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                 const Rows (&... constants)[channel_rows<Cfg>::ROWS]) {
#pragma HLS INLINE
  typedef channel_rows<Cfg> rows;
  typename rows::row_t row = 0;
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1 style=flp rewind
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      ISOBIT_CHANNEL(rows::channel(row, pe));
      y[pe] = Body::apply(acc[pe], pe % rows::LANES, constants[row]...);
    }
    out.write(y);
    row = successor(row, rows::ROWS);
  }
}

}  // namespace isobit

#endif
