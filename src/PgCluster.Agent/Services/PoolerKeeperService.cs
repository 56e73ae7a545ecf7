using PgCluster.Adapters.Peers;
using PgCluster.Agent.Grpc;
using PgCluster.Engine.Pooling;
using PgCluster.Engine.Topology;
using PgCluster.Protos.V1;

namespace PgCluster.Agent.Services;

/// <summary>The keeper API of the poolers this process keeps, on the wire.</summary>
internal static class PoolerKeeperService
{
    public static GrpcServiceMap MapPoolerKeeper(this GrpcServiceMap map, IReadOnlyList<KeptPooler> poolers)
    {
        KeptPooler Find(string name) => poolers.FirstOrDefault(p => p.Config.Name == name) ?? throw new PgClusterException(
            Reason.PoolerNotFound, $"no pooler {name} is kept here; there are {string.Join(", ", poolers.Select(p => p.Config.Name))}") { Target = name };

        return map
            .MapUnary(PeerMethods.GetPooler, async (request, call) => new GetPoolerResponse
            {
                PoolerJson = PoolerRegistration.ToJson(await Find(request.Pooler).ProbeAsync(call.CancellationToken).ConfigureAwait(false)),
            })
            .MapUnary(PeerMethods.Pause, async (request, call) => new PausePoolerResponse
            {
                Lease = PeerMessages.ToWire(await Find(request.Pooler).Keeper.PauseAsync(
                    request.LeaseId, request.Holder, TimeSpan.FromMilliseconds(request.TimeoutMs), TimeSpan.FromMilliseconds(request.ExpiryMs),
                    call.CancellationToken).ConfigureAwait(false)),
            })
            .MapUnary(PeerMethods.PreparePause, async (request, call) =>
            {
                await Find(request.Pooler).PreparePauseAsync(call.CancellationToken).ConfigureAwait(false);
                return new PausePoolerResponse();
            })
            .MapUnary(PeerMethods.Resume, async (request, call) => new ResumePoolerResponse
            {
                Resumed = request.ForGood
                    ? await Find(request.Pooler).Keeper.FinishAsync(request.LeaseId, call.CancellationToken).ConfigureAwait(false)
                    : await Find(request.Pooler).Keeper.ResumeAsync(request.LeaseId.Length > 0 ? request.LeaseId : null, call.CancellationToken).ConfigureAwait(false),
            })
            .MapUnary(PeerMethods.ConfirmTarget, async (request, call) => new ConfirmTargetResponse
            {
                WaitedMs = (await Find(request.Pooler).ConfirmTargetAsync(
                    new PoolerTarget(new PrimaryAddress(request.Host, request.Port), null, request.InsteadOf.Length > 0 ? request.InsteadOf : null),
                    call.CancellationToken).ConfigureAwait(false)).TotalMilliseconds,
            })
            .MapUnary(PeerMethods.DropStrays, async (request, call) => new DropStraysResponse
            {
                Dropped = await Find(request.Pooler).DropStraysAsync(new PrimaryAddress(request.Host, request.Port), call.CancellationToken).ConfigureAwait(false),
            })
            .MapUnary(PeerMethods.RestartPooler, async (request, call) => new RestartPoolerResponse
            {
                RestartJson = PoolerRestartJson.ToJson(await Find(request.Pooler).RestartAsync(request.MayDrop, request.PlanOnly, call.CancellationToken).ConfigureAwait(false)),
            });
    }
}
