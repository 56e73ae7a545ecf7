using PgCluster.Adapters.Grpc;
using PgCluster.Engine.Pacemaker;

namespace PgCluster.Agent.Services;

/// <summary>The move by Pacemaker, as pgsql-cluster-manager's own agent does it: to the synchronous standby there is, by a constraint that the client has removed when it has seen the address.</summary>
internal sealed class PacemakerMigration(PacemakerCommands node) : IPgcmMigration
{
    public async Task<(string Node, string Address)> MigrateAsync(string actor, CancellationToken cancellationToken)
    {
        var target = await OrAsync(() => node.FindSynchronousAsync(cancellationToken), "failed to query cib").ConfigureAwait(false)
            ?? throw new GrpcException(GrpcStatusCode.NotFound, "failed to find sync node");
        var address = await OrAsync(() => node.GetAddressAsync(target, cancellationToken), "failed to resolve sync host IP address").ConfigureAwait(false);
        await OrAsync(() => node.MoveForLockHolderAsync(target.Name, cancellationToken), $"'crm resource migrate {target.Name}' failed").ConfigureAwait(false);
        return (target.Name, address);
    }

    public Task UnmigrateAsync(CancellationToken cancellationToken) => OrAsync(
        async () =>
        {
            await node.ClearMoveAsync(cancellationToken).ConfigureAwait(false);
            return true;
        },
        "crm resource unmigrate failed");

    private static async Task<T> OrAsync<T>(Func<Task<T>> call, string otherwise)
    {
        try
        {
            return await call().ConfigureAwait(false);
        }
        catch (PgClusterException e)
        {
            throw new GrpcException(GrpcStatusCode.Unknown, $"{otherwise}: {e.Message}", e);
        }
    }
}
