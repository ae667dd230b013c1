// Step or table by look-up: y = table[c][acc - LO].
//
//   struct act1 {
//     static const int CHANNELS = 64, PE = 8, FOLDS = 8, LO = -128, SIZE = 256;
//     typedef ap_int<8> in_t;  typedef ap_uint<8> out_t;
//   };
//
// Tables are per channel (per_channel.hpp) or, with CHANNELS = 1, shared by all lanes through a ROM with one port per
// lane.
// Schedule: II = 1, FOLDS words in and out.
#ifndef ISOBIT_LOOKUP_HPP
#define ISOBIT_LOOKUP_HPP

#include "isobit/per_channel.hpp"
#include "isobit/types.hpp"

namespace isobit {

namespace detail {
template <class Cfg>
struct looked_up {
  template <class Table, int LANES>
  static typename Cfg::out_t apply(const typename Cfg::in_t& acc, int lane,
                                   const Table (&table)[LANES][Cfg::SIZE]) {
#pragma HLS INLINE
    const int index = acc.to_int() - Cfg::LO;
    ISOBIT_INDEX(index, Cfg::SIZE);
    return from_rom<typename Cfg::out_t>(table[lane][index]);
  }
};
}  // namespace detail

template <class Cfg>
void lookup(hls::stream<lanes<typename Cfg::in_t, Cfg::PE> >& in,
            hls::stream<lanes<typename Cfg::out_t, Cfg::PE> >& out,
            const channel_tables<Cfg, typename Cfg::out_t, Cfg::SIZE>& table) {
#pragma HLS ARRAY_PARTITION variable=table complete dim=2
#pragma HLS BIND_STORAGE variable=table type=rom_np
  per_channel<Cfg, detail::looked_up<Cfg> >(in, out, table);
}

}  // namespace isobit

#endif
