using PgCluster.Adapters.Grpc;

namespace PgCluster.Agent.Services;

/// <summary>What moves the primary for pgsql-cluster-manager's client, which holds the lock in etcd and pauses the nodes' poolers itself. Errors are <see cref="GrpcException"/> with its words.</summary>
internal interface IPgcmMigration
{
    /// <summary>Moves the primary, or begins to: the client waits for the address in etcd.</summary>
    /// <param name="actor">Who asks.</param>
    /// <param name="cancellationToken">Ends the call.</param>
    /// <returns>The node and the address that it will be published by.</returns>
    Task<(string Node, string Address)> MigrateAsync(string actor, CancellationToken cancellationToken);

    /// <summary>Takes back what moving left behind; success when that is nothing.</summary>
    Task UnmigrateAsync(CancellationToken cancellationToken);
}
