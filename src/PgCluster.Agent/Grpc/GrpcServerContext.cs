using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Grpc;

/// <summary>What a handler knows of the call it serves.</summary>
public sealed class GrpcServerContext
{
    internal GrpcServerContext(
        string method,
        string peer,
        DateTimeOffset? deadline,
        IReadOnlyList<KeyValuePair<string, string>> requestMetadata,
        CancellationToken cancellationToken)
    {
        Method = method;
        Peer = peer;
        Deadline = deadline;
        RequestMetadata = requestMetadata;
        CancellationToken = cancellationToken;
    }

    /// <summary>The path of the method, as <c>/package.Service/Name</c>.</summary>
    public string Method { get; }

    /// <summary>The address and port the call came from.</summary>
    public string Peer { get; }

    /// <summary>When the client stops waiting; null when it did not say. At that moment it is answered <see cref="GrpcStatusCode.DeadlineExceeded"/>, whatever the handler does.</summary>
    public DateTimeOffset? Deadline { get; }

    /// <summary>The metadata that came with the call: lower-case keys; values of <c>-bin</c> keys in base64.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> RequestMetadata { get; }

    /// <summary>Fires when the answer is no longer wanted: the client is gone, the deadline passed, or the server stops.</summary>
    public CancellationToken CancellationToken { get; }
}
