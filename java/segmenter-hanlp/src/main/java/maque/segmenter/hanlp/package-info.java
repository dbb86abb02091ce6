/** Word segmentation by HanLP. */
package maque.segmenter.hanlp;
