/** English parts of speech by Apache OpenNLP. */
package maque.tagger.opennlp;
