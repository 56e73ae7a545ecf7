using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>What the methods of a server accept, and by which clock their deadlines go.</summary>
public sealed record GrpcServerOptions
{
    /// <summary>The largest message accepted, in bytes; a larger one ends the call with <see cref="GrpcStatusCode.ResourceExhausted"/>.</summary>
    public int MaxReceiveMessageSize { get; init; } = GrpcChannelOptions.DefaultMaxReceiveMessageSize;

    /// <summary>The clock that deadlines go by.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Ends the calls that still run, though the server does not stop: another process answers from now on. Calls of streaming methods go on.</summary>
    public CancellationToken Replaced { get; init; }

    /// <summary>Ends the calls of streaming methods for the same reason.</summary>
    public CancellationToken StreamsReplaced { get; init; }
}
