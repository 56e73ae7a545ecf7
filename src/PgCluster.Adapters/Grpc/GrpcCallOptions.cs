namespace PgCluster.Adapters.Grpc;

/// <summary>What one call asks for beside its request.</summary>
public sealed record GrpcCallOptions
{
    /// <summary>No deadline and no metadata.</summary>
    public static GrpcCallOptions None { get; } = new();

    /// <summary>How long the whole call may take, connecting and every message of a stream included; null for no limit. The server is told.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Metadata for the server: lower-case keys, printable ASCII values; values of <c>-bin</c> keys in base64.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Metadata { get; init; } = [];
}
