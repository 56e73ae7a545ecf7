using PgCluster.Adapters.Grpc;

namespace PgCluster.Adapters.Etcd;

/// <summary>Where etcd is and how to speak to it.</summary>
public sealed class EtcdOptions
{
    /// <summary>Client URLs of the members (http or https), the preferred one first.</summary>
    public required IReadOnlyList<Uri> Endpoints { get; init; }

    /// <summary>Put before every key, also those of watches and locks; empty for none.</summary>
    public string Namespace { get; init; } = "";

    /// <summary>User of etcd's own authentication; null for none.</summary>
    public string? User { get; init; }

    /// <summary>That user's password. Never logged.</summary>
    public string? Password { get; init; }

    /// <summary>CA, certificate and key for https endpoints; null for the machine's own trust.</summary>
    public GrpcTlsOptions? Tls { get; init; }

    /// <summary>How long a request may take, all its tries on all endpoints together.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a connection may take to be made.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>Silence on a connection after which it is pinged. etcd refuses less than 5 s between pings.</summary>
    public TimeSpan KeepAliveTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long such a ping may take before the connection is given up.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Length of a first try. A put that is in flight when the leader dies is answered after 7 s, so waiting on one member for the whole
    /// <see cref="Timeout"/> would turn a leader change of 1.5 s into a failure.
    /// </summary>
    internal TimeSpan TryTimeout => Timeout / 10;

    /// <summary>Silence on a watch after which its member is asked whether it still lives.</summary>
    internal TimeSpan ProbeInterval => Timeout / 6;

    /// <summary>Checks the values and returns this.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>, naming the option.</exception>
    internal EtcdOptions Validate()
    {
        if (Endpoints.Count == 0)
        {
            throw Invalid("etcd needs at least one endpoint.");
        }

        foreach (var endpoint in Endpoints)
        {
            if (!endpoint.IsAbsoluteUri || (endpoint.Scheme != Uri.UriSchemeHttp && endpoint.Scheme != Uri.UriSchemeHttps))
            {
                throw Invalid($"The etcd endpoint '{(endpoint.IsAbsoluteUri ? NameOf(endpoint) : endpoint)}' is not an http or https URL.");
            }

            if (Tls is not null && endpoint.Scheme != Uri.UriSchemeHttps)
            {
                throw Invalid($"The etcd endpoint '{NameOf(endpoint)}' is plain http, but a certificate authority is configured for etcd.");
            }
        }

        if (string.IsNullOrEmpty(User) != string.IsNullOrEmpty(Password))
        {
            throw Invalid("The etcd user and password go together: one of them is missing.");
        }

        foreach (var (name, value) in new[]
                 {
                     (nameof(Timeout), Timeout), (nameof(DialTimeout), DialTimeout),
                     (nameof(KeepAliveTime), KeepAliveTime), (nameof(KeepAliveTimeout), KeepAliveTimeout),
                 })
        {
            if (value <= TimeSpan.Zero)
            {
                throw Invalid($"The etcd option {name} must be longer than zero.");
            }
        }

        return this;
    }

    /// <summary>An endpoint as errors and reports show it: without a path, and without user information that somebody put there.</summary>
    internal static string NameOf(Uri endpoint) => $"{endpoint.Scheme}://{endpoint.Authority}";

    private static PgClusterException Invalid(string message) => new(Reason.InvalidConfiguration, message);
}
