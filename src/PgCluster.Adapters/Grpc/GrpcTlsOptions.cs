namespace PgCluster.Adapters.Grpc;

/// <summary>The PEM files of one end of a mutual TLS connection. The same three on a client and on a server.</summary>
/// <param name="CaFile">The authorities a peer must chain to; no other authority of this machine counts.</param>
/// <param name="CertFile">The certificate this end shows, followed by its intermediates; null on a client that shows none.</param>
/// <param name="KeyFile">The certificate's private key, not encrypted; null exactly when <paramref name="CertFile"/> is.</param>
public sealed record GrpcTlsOptions(string CaFile, string? CertFile, string? KeyFile);
