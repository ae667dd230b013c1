// Step by one multiplication: y = clamp((m[c] * acc + offset[c]) >> K, LO, HI), the shift rounding down.
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, K = 12, LO = 0, HI = 255;
//     static const bool CLAMP = true;
//     typedef ap_int<16> in_t;  typedef ap_uint<9> multiplier_t;  typedef ap_int<20> offset_t;
//     typedef ap_int<25> product_t;  typedef ap_int<26> sum_t;  typedef ap_uint<8> out_t;
//   };
//
// product_t and sum_t come from the intervals of m * acc and m * acc + offset, so nothing overflows; without
// CLAMP the shifted sum itself fits out_t. Parameters are per channel (row c; element pe of word i is channel
// (i * PE + pe) mod CHANNELS) or, with CHANNELS = 1, per tensor.
// The second form shifts each channel by its own number of bits, K at most: Cfg has a shift_t and no K.
// Schedule: II = 1, FOLDS words in and out. Cost: one multiplier and one adder per lane, and in the second form
// a selection of the shift.
#ifndef ISOBIT_MULTIPLY_SHIFT_HPP
#define ISOBIT_MULTIPLY_SHIFT_HPP

#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
typename Cfg::out_t scaled(const typename Cfg::in_t& acc, const typename Cfg::multiplier_t& m,
                           const typename Cfg::offset_t& offset, int shift) {
#pragma HLS INLINE
  static const int SUM_WIDTH = signed_width<typename Cfg::sum_t>::VALUE;
  typedef typename working<SUM_WIDTH>::type signed_sum_t;
  const typename Cfg::product_t product = m * acc;
  const typename Cfg::sum_t sum = product + offset;
  const signed_sum_t shifted = signed_sum_t(sum) >> min_of(shift, SUM_WIDTH - 1);  // the sign bit stays
  if (Cfg::CLAMP && shifted < Cfg::LO) return typename Cfg::out_t(Cfg::LO);
  if (Cfg::CLAMP && shifted > Cfg::HI) return typename Cfg::out_t(Cfg::HI);
  return typename Cfg::out_t(shifted);
}
}  // namespace detail

template <class Cfg>
void multiply_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                    hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                    const typename rom_of<typename Cfg::multiplier_t>::type (&multipliers)[Cfg::CHANNELS],
                    const typename rom_of<typename Cfg::offset_t>::type (&offsets)[Cfg::CHANNELS]) {
  static_assert(Cfg::K >= 0, "the shift goes right");
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_RESHAPE variable=multipliers cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=offsets cyclic factor=PORTS dim=1
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      y[pe] = detail::scaled<Cfg>(acc[pe], from_rom<typename Cfg::multiplier_t>(multipliers[c]),
                                  from_rom<typename Cfg::offset_t>(offsets[c]), Cfg::K);
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

template <class Cfg>
void multiply_shift(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
                    hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
                    const typename rom_of<typename Cfg::multiplier_t>::type (&multipliers)[Cfg::CHANNELS],
                    const typename rom_of<typename Cfg::offset_t>::type (&offsets)[Cfg::CHANNELS],
                    const typename rom_of<typename Cfg::shift_t>::type (&shifts)[Cfg::CHANNELS]) {
  static const int PORTS = min_of(Cfg::PE, Cfg::CHANNELS);
#pragma HLS ARRAY_RESHAPE variable=multipliers cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=offsets cyclic factor=PORTS dim=1
#pragma HLS ARRAY_RESHAPE variable=shifts cyclic factor=PORTS dim=1
  static_assert(whole_samples(Cfg::CHANNELS, Cfg::PE), "a word is a share of a sample, or whole ones");
  static_assert(Cfg::CHANNELS % PORTS == 0 && Cfg::FOLDS * Cfg::PE % Cfg::CHANNELS == 0,
                "a frame holds every channel equally often");

  int first = 0;  // channel of lane 0
  for (int fold = 0; fold < Cfg::FOLDS; ++fold) {
#pragma HLS PIPELINE II=1
    const lanes<typename Cfg::in_t, Cfg::PE> acc = in.read();
    lanes<typename Cfg::out_t, Cfg::PE> y;
#pragma HLS ARRAY_PARTITION variable=y.data complete
    for (int pe = 0; pe < Cfg::PE; ++pe) {
#pragma HLS UNROLL
      const int c = channel_of<Cfg::CHANNELS, Cfg::PE>(first, pe);
      ISOBIT_CHANNEL(Cfg::CHANNELS == 1 ? pe : c);
      y[pe] = detail::scaled<Cfg>(acc[pe], from_rom<typename Cfg::multiplier_t>(multipliers[c]),
                                  from_rom<typename Cfg::offset_t>(offsets[c]),
                                  int(from_rom<typename Cfg::shift_t>(shifts[c])));
    }
    out.write(y);
    first = first + Cfg::PE >= Cfg::CHANNELS ? 0 : first + Cfg::PE;
  }
}

}  // namespace isobit

#endif
