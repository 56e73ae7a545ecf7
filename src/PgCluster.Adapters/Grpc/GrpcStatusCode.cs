namespace PgCluster.Adapters.Grpc;

/// <summary>The status a gRPC call ends with; the numbers are what goes over the wire.</summary>
public enum GrpcStatusCode
{
    /// <summary>The call did what was asked.</summary>
    Ok = 0,

    /// <summary>The call was cancelled by the other end.</summary>
    Cancelled = 1,

    /// <summary>Something failed and the peer did not say what kind of failure it is.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the peer.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the call was over.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>What was to be made exists.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota or a size limit is reached.</summary>
    ResourceExhausted = 8,

    /// <summary>The peer is not in the state the call needs.</summary>
    FailedPrecondition = 9,

    /// <summary>The call lost against a concurrent one.</summary>
    Aborted = 10,

    /// <summary>The request goes past the valid range.</summary>
    OutOfRange = 11,

    /// <summary>The peer does not know the method, or not the encoding of the message.</summary>
    Unimplemented = 12,

    /// <summary>An invariant of the protocol or of the peer is broken.</summary>
    Internal = 13,

    /// <summary>The peer cannot be reached now; trying again may help.</summary>
    Unavailable = 14,

    /// <summary>Data is lost or damaged for good.</summary>
    DataLoss = 15,

    /// <summary>The caller did not prove who it is.</summary>
    Unauthenticated = 16,
}
