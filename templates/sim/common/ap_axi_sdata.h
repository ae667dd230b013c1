// AXI-stream beats for simulation outside Vitis: the data, keep, strb and last signals under their Vitis names.
#ifndef ISOBIT_SIM_AP_AXI_SDATA_H
#define ISOBIT_SIM_AP_AXI_SDATA_H

#include "ap_int.h"

namespace hls {

template <class T, int USER = 0, int ID = 0, int DEST = 0>
struct axis {
  static_assert(USER == 0 && ID == 0 && DEST == 0, "side channels are not simulated");
  static const int BYTES = (T::width + 7) / 8;

  T data;
  ap_uint<BYTES> keep;
  ap_uint<BYTES> strb;
  ap_uint<1> last;
};

}  // namespace hls

#ifdef ISOBIT_NATIVE
template <int WIDTH>
using ap_axi_data = typename std::conditional<(WIDTH > 64), ap_native::wide<WIDTH>, ap_uint<WIDTH> >::type;
#else
template <int WIDTH>
using ap_axi_data = ap_uint<WIDTH>;
#endif

template <int WIDTH, int USER = 0, int ID = 0, int DEST = 0>
using ap_axiu = hls::axis<ap_axi_data<WIDTH>, USER, ID, DEST>;

template <int WIDTH, int USER = 0, int ID = 0, int DEST = 0>
using ap_axis = hls::axis<ap_int<WIDTH>, USER, ID, DEST>;

#endif
