// Every operation as plain loops: templates name<T> in namespace maque::ref.
#pragma once
#include "kernels/ref/activation.h"
#include "kernels/ref/attention.h"
#include "kernels/ref/dropout.h"
#include "kernels/ref/embedding.h"
#include "kernels/ref/gemm.h"
#include "kernels/ref/layer_norm.h"
#include "kernels/ref/lstm.h"
#include "kernels/ref/lstm_step.h"
#include "kernels/ref/objective.h"
#include "kernels/ref/optimizer.h"
#include "kernels/ref/pooling.h"
