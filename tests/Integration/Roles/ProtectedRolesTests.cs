using PgCluster.Engine.Roles;
using PgCluster.Tests.Integration.Failover;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Roles in mode protection, where nobody is dropped. The other modes differ from the specification there: see <see cref="RoleLoopTests"/>.</summary>
public sealed class ProtectedRolesTests(FourProtectedNodesLab lab) : IClassFixture<FourProtectedNodesLab>
{
    private static CancellationToken Token => ClusterLab.Token;

    [Fact]
    public async Task DQ_20_of_four_a_stand_by_and_a_voter_are_killed_and_no_role_changes()
    {
        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        var primary = await lab.PrimaryAsync();
        string[] nodes = [primary, .. lab.Config.Nodes.Select(n => n.Name).Where(n => n != primary)];
        var roles = await lab.WaitForRolesAsync("three vote and one streams", r => r.Primary == primary && r.Roles.Values.Count(v => v == MemberRole.Voter) == 3 && r.Roles.Values.Contains(MemberRole.StandBy));
        var (voter, standBy) = (nodes.Last(n => roles.Of(n) == MemberRole.Voter), nodes.Single(n => roles.Of(n) == MemberRole.StandBy));
        using (lab.Lose(standBy))
        {
            await UntilOfflineAsync(standBy);
            using (lab.Lose(voter))
            {
                await UntilOfflineAsync(standBy, voter);
                var plan = await lab.Cluster.AdjustRolesAsync(new RoleAdjustmentRequest { Actor = "it@here" }, Token);
                Assert.True(plan.Changes.Count == 0, RolePlanJson.ToJson(plan));
                Assert.True((await lab.RolesAsync())!.Says(primary, roles.Roles));
                await lab.WriteThroughAsync("app");
            }
        }

        await lab.WaitUntilSoundAsync(TimeSpan.FromMinutes(3));
        Assert.True((await lab.RolesAsync())!.Says(primary, roles.Roles));
    }

    private Task UntilOfflineAsync(params string[] nodes) => Poll.UntilAsync($"{string.Join(" and ", nodes)} are offline", async () =>
        (await lab.Cluster.AdjustRolesAsync(new RoleAdjustmentRequest { PlanOnly = true, Actor = "it@here" }, Token)).Members.Where(m => !m.IsOnline).Select(m => m.Node).ToHashSet(StringComparer.Ordinal).SetEquals(nodes));
}
