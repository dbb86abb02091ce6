/** A model behind HTTP: requests, limits, metrics and the page. */
package maque.cli.serve;
