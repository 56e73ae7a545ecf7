namespace PgCluster.Adapters.Grpc;

/// <summary>How a channel connects, and what it accepts.</summary>
public sealed record GrpcChannelOptions
{
    /// <summary>The size a received message may have when nothing else is said: 4 MiB, as in every gRPC implementation.</summary>
    public const int DefaultMaxReceiveMessageSize = 4 * 1024 * 1024;

    /// <summary>How long one connection may take to be made, TLS included; a call's own deadline may end sooner.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>
    /// How long a connection with a call on it may be silent before the peer is asked whether it lives; at least one second.
    /// etcd ends connections that ask more often than every five seconds.
    /// </summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the peer has to answer that; then its calls fail with <see cref="GrpcStatusCode.Unavailable"/>. At least one second.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The certificates for an https address; null trusts what the machine trusts and shows no certificate.</summary>
    public GrpcTlsOptions? Tls { get; init; }

    /// <summary>The largest message accepted, in bytes; a larger one ends the call with <see cref="GrpcStatusCode.ResourceExhausted"/>.</summary>
    public int MaxReceiveMessageSize { get; init; } = DefaultMaxReceiveMessageSize;

    /// <summary>The clock that deadlines go by.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
