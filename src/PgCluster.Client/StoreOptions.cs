using PgCluster.Adapters;
using PgCluster.Adapters.Etcd;
using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Configuration;

namespace PgCluster.Client;

/// <summary>How a configuration says that the store is reached.</summary>
internal static class StoreOptions
{
    /// <summary>Reads the password file too.</summary>
    /// <exception cref="PgClusterException"><see cref="Reason.InvalidConfiguration"/>.</exception>
    internal static EtcdOptions From(ClusterConfig config)
    {
        var etcd = config.Etcd;
        return new EtcdOptions
        {
            Endpoints = [.. etcd.Endpoints.Select(e => new Uri(e))],
            Namespace = etcd.Namespace,
            User = etcd.User.Length > 0 ? etcd.User : null,
            Password = etcd.User.Length > 0 ? SecretFile.ReadOrEmpty(etcd.PasswordFile) : null,
            Tls = etcd.CaFile.Length > 0
                ? new GrpcTlsOptions(etcd.CaFile, etcd.CertFile.Length > 0 ? etcd.CertFile : null, etcd.KeyFile.Length > 0 ? etcd.KeyFile : null)
                : null,
            Timeout = etcd.Timeout,
            DialTimeout = etcd.DialTimeout,
            KeepAliveTime = etcd.KeepAliveTime,
            KeepAliveTimeout = etcd.KeepAliveTimeout,
        };
    }
}
