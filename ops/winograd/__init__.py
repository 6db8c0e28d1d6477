"""Convolution by Winograd's minimal filtering in one to three dimensions, for CPUs.

    from ops.winograd import winograd_conv
    y = winograd_conv(x, w, padding="SAME", bias=b, activation="relu")

A drop-in for a stride-1 `lax.conv_general_dilated` of channels-last float32 images, with
gradients. Elsewhere than on a CPU, without the extension, and for shapes that it does not cover it
is that convolution; `explain(x, w)` says which path is taken, and why.
"""

from ops.winograd.conv import winograd_conv as winograd_conv
from ops.winograd.explain import explain as explain
from ops.winograd.prepared import Prepared as Prepared
from ops.winograd.prepared import conv_prepared as conv_prepared
from ops.winograd.prepared import prepare as prepare
