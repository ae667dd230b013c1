"""Reports in the shapes of the vendor's tools, with counts of our own."""

from __future__ import annotations

CSYNTH = """<?xml version="1.0" encoding="UTF-8" ?>
<profile>
<ReportVersion><Version>2023.2</Version></ReportVersion>
<UserAssignments>
 <unit>ns</unit><ProductFamily>zynq</ProductFamily><Part>xc7z020-clg400-1</Part>
 <TopModelName>isobit_top</TopModelName><TargetClockPeriod>10.00</TargetClockPeriod>
 <ClockUncertainty>2.70</ClockUncertainty><FlowTarget>vivado</FlowTarget>
</UserAssignments>
<PerformanceEstimates>
 <PipelineType>dataflow</PipelineType>
 <SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>11.250</EstimatedClockPeriod></SummaryOfTimingAnalysis>
 <SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>90</Best-caseLatency>
  <Worst-caseLatency>95</Worst-caseLatency><Interval-min>40</Interval-min><Interval-max>41</Interval-max>
 </SummaryOfOverallLatency>
</PerformanceEstimates>
<AreaEstimates>
 <Resources><BRAM_18K>3</BRAM_18K><DSP>7</DSP><FF>1200</FF><LUT>2345</LUT><URAM>0</URAM></Resources>
 <AvailableResources><BRAM_18K>280</BRAM_18K><DSP>220</DSP><FF>106400</FF><LUT>53200</LUT></AvailableResources>
</AreaEstimates>
<ModuleInformation>
 <Module><Name>dense_cfg_LAYER_s</Name>
  <AreaEstimates><Resources><BRAM_18K>1</BRAM_18K><AVAIL_BRAM>280</AVAIL_BRAM><UTIL_BRAM>~0</UTIL_BRAM><FF>300</FF>
   <LUT>777</LUT><UTIL_LUT>1</UTIL_LUT><DSP>2</DSP></Resources></AreaEstimates></Module>
 <Module><Name>entry_proc</Name>
  <AreaEstimates><Resources><FF>3</FF><LUT>29</LUT></Resources></AreaEstimates></Module>
</ModuleInformation>
</profile>
"""

FLAT = """Copyright 1986-2023 Xilinx, Inc. All Rights Reserved.
----------------------------------------------------------------
| Tool Version : Vivado v.2023.2 (lin64) Build 4029153
| Design       : isobit_top
| Device       : xczu7ev-ffvc1156-2-e
| Design State : Fully Placed
----------------------------------------------------------------

1. CLB Logic
+----------------------------+-------+-------+------------+-----------+-------+
|          Site Type         |  Used | Fixed | Prohibited | Available | Util% |
+----------------------------+-------+-------+------------+-----------+-------+
| CLB LUTs*                  |  4321 |     0 |          0 |    230400 |  1.88 |
|   LUT as Logic             |  4300 |     0 |          0 |    230400 |  1.87 |
| CLB Registers              |  2100 |     0 |          0 |    460800 |  0.46 |
|   Register as Flip Flop    |  2099 |     0 |          0 |    460800 |  0.46 |
+----------------------------+-------+-------+------------+-----------+-------+
| Block RAM Tile    |  2.5 |     0 |          0 |       312 |  0.80 |
|   RAMB36/FIFO*    |    2 |     0 |          0 |       312 |  0.64 |
| URAM              |    1 |     0 |          0 |        96 |  1.04 |
| DSPs              |   12 |     0 |          0 |      1728 |  0.69 |
"""

SLICES = FLAT.replace("CLB LUTs*", "Slice LUTs").replace("CLB Registers", "Slice Registers").replace(
    "Fully Placed", "Synthesized"
)  # fmt: skip

HIERARCHICAL = """
| Tool Version : Vivado v.2022.1 (lin64) Build 3526262
| Device       : xc7z020clg400-1
| Design State : Routed
+--------------------------+------------------+------------+------------+---------+------+------+--------+--------+------+------------+
|         Instance         |      Module      | Total LUTs | Logic LUTs | LUTRAMs | SRLs |  FFs | RAMB36 | RAMB18 | URAM | DSP Blocks |
+--------------------------+------------------+------------+------------+---------+------+------+--------+--------+------+------------+
| isobit_top               |            (top) |        800 |        700 |      50 |   50 | 1000 |      1 |      3 |    0 |          4 |
|   (isobit_top)           |       isobit_top |         10 |         10 |       0 |    0 |   12 |      0 |      0 |    0 |          0 |
|   dense_cfg_LAYER_U0     | dense_cfg_LAYER_s|        400 |        400 |       0 |    0 |  500 |      0 |      1 |    0 |          2 |
+--------------------------+------------------+------------+------------+---------+------+------+--------+--------+------+------------+
"""  # noqa: E501 a report's own lines
