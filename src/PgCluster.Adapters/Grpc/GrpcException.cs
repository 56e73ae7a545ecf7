namespace PgCluster.Adapters.Grpc;

/// <summary>A gRPC call that did not end with <see cref="GrpcStatusCode.Ok"/>; thrown by a server's handler it becomes the status of the call.</summary>
public sealed class GrpcException : Exception
{
    /// <summary>Makes an error with its status.</summary>
    /// <param name="statusCode">What code decides by.</param>
    /// <param name="detail">What a person reads; goes over the wire, so never a secret.</param>
    /// <param name="inner">What caused it on this side, if anything did.</param>
    public GrpcException(GrpcStatusCode statusCode, string detail, Exception? inner = null)
        : base($"{statusCode}: {detail}", inner)
    {
        StatusCode = statusCode;
        Detail = detail;
    }

    /// <summary>What code decides by.</summary>
    public GrpcStatusCode StatusCode { get; }

    /// <summary>The message that came with the status; may be empty.</summary>
    public string Detail { get; }

    /// <summary>The trailing metadata that came (or is to go) with the status, without the status itself; values of <c>-bin</c> keys in base64.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Trailers { get; init; } = [];

    /// <summary>The reason a PgCluster peer named in its trailers; null when it named none, or one that this version does not know.</summary>
    public Reason? Reason => GrpcReason.Find(Trailers);
}
