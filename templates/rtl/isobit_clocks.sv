// Clocks of what several modules instantiate. A package stands in front of what reads it, and files are read by name: this
// one comes before isobit_dense.
package isobit_clocks;
  // From the products of SIMD inputs to their sum (isobit_dots): a level of a tree a clock; with PACKED the chains of products
  // first, with BIPOLAR sums of three.
  function automatic int to_sum(input int simd, input int bipolar, input int packed_shift, input int chain);
    int levels = 0;
    for (int n = simd; n > 1; n = (n + 2) / 3) levels = levels + 1;
    return bipolar > 0 ? levels : packed_shift > 0 ? chain + $clog2((simd + chain - 1) / chain) : $clog2(simd);
  endfunction
endpackage
