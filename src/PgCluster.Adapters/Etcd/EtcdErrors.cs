using System.Security.Authentication;
using System.Security.Cryptography;
using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>What to do about a call that failed.</summary>
internal enum EtcdFailure
{
    /// <summary>The member could not answer: another one, or the same one later, may. A write may have been done.</summary>
    Retry,

    /// <summary>The token may be worn out: get another one. Nothing was done.</summary>
    Token,

    /// <summary>The answer will stay the same. Nothing was done.</summary>
    Final,
}

/// <summary>What etcd's statuses mean.</summary>
internal static class EtcdErrors
{
    // etcd says this with the same status as for any malformed request; the text is the only difference.
    private const string UserNameIsEmpty = "etcdserver: user name is empty";

    /// <summary>What to do about <paramref name="error"/>.</summary>
    public static EtcdFailure Classify(GrpcException error, bool hasUser) => error.StatusCode switch
    {
        // A member that steps down or loses its leader cancels what it was doing, under several of these names.
        GrpcStatusCode.Unavailable or GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.Internal or GrpcStatusCode.Unknown
            or GrpcStatusCode.Cancelled or GrpcStatusCode.Aborted or GrpcStatusCode.ResourceExhausted => EtcdFailure.Retry,
        GrpcStatusCode.Unauthenticated => EtcdFailure.Token,

        // A token from before the last change of users and roles comes back as an invalid argument.
        GrpcStatusCode.InvalidArgument when hasUser => EtcdFailure.Token,
        _ => EtcdFailure.Final,
    };

    /// <summary>The reason for an answer that will stay the same.</summary>
    public static Reason ReasonOf(GrpcException error) => error.StatusCode switch
    {
        GrpcStatusCode.PermissionDenied or GrpcStatusCode.Unauthenticated => Reason.AccessDenied,
        GrpcStatusCode.InvalidArgument when error.Detail == UserNameIsEmpty => Reason.AccessDenied,
        GrpcStatusCode.InvalidArgument => Reason.InvalidArgument,

        // Only a lease can be missing: keys are never asked for as if they had to be there.
        GrpcStatusCode.NotFound => Reason.LockLost,
        _ => Reason.StoreUnavailable,
    };

    /// <summary>True when the certificates of the two ends do not fit: trying again cannot help.</summary>
    public static bool IsCertificateRefusal(GrpcException error)
    {
        for (Exception? e = error.InnerException; e is not null; e = e.InnerException)
        {
            // The first from our side's check of the peer, the second from the peer's alert about us, which comes after the handshake.
            if (e is AuthenticationException or CryptographicException)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a person reads about a failed try; the text of a status comes from etcd or from the socket, and holds no secret.</summary>
    public static string Describe(GrpcException error) => error switch
    {
        // What broke a connection stands innermost; what is around it says that something did.
        { StatusCode: GrpcStatusCode.Unavailable, InnerException: { } inner } => inner.GetBaseException().Message,
        { Detail: "" } => error.StatusCode.ToString(),
        _ => error.Detail,
    };
}
