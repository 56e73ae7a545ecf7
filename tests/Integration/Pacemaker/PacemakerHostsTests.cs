using PgCluster.Engine.Pacemaker;
using PgCluster.Playground.Pacemaker;
using PgCluster.Tests.Integration.Fixtures;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>A real Pacemaker on hosts of this machine, without agents: what it does when it is asked by hand.</summary>
[Collection(PacemakerPlaygroundGroup.Name)]
public sealed class PacemakerHostsTests
{
    // Corosync, Pacemaker and three servers begin on a machine that may have more to do; 25 s on one that has not.
    private static readonly TimeSpan Beginning = TimeSpan.FromMinutes(4);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_primary_is_moved_and_all_servers_stream_again()
    {
        var network = await PacemakerLab.MakeHostsAsync(Token);
        try
        {
            var cluster = new PacemakerHosts(network, new PacemakerHostsOptions());
            await cluster.StartAsync(null, Token);
            var roles = await cluster.WaitUntilSoundAsync(Beginning, Token);
            Assert.Equal("pg01", roles.Primary!.Node.Name);
            Assert.All(roles.Servers, server => Assert.True(server.Node.IsOnline, server.Node.Name));
            await AssertStreamingAsync(cluster, roles);

            var (old, next) = (roles.Primary.Node.Name, roles.Synchronous!.Node.Name);
            await cluster.MoveAsync(next, Token);
            await Poll.UntilAsync($"{next} is the primary", async () => (await cluster.ReadRolesAsync(next, Token))?.Primary?.Node.Name == next, TimeSpan.FromMinutes(2));
            Assert.Contains((await PacemakerHosts.ReadAsync(cluster.Host(next), Token)).Moves, move => move.Resource == PacemakerFiles.Clone);
            await Poll.UntilAsync($"{old} does not start", async () => (await cluster.ReadRolesAsync(next, Token))!.Servers.Single(s => s.Node.Name == old).Failures.ContainsKey("start"), TimeSpan.FromMinutes(2));

            await PacemakerHosts.ClearMovesAsync(cluster.Host(next), Token);
            await cluster.LetBackAsync(old, Token);
            roles = await cluster.WaitUntilSoundAsync(Beginning, Token);
            Assert.Equal(next, roles.Primary!.Node.Name);
            Assert.Empty((await PacemakerHosts.ReadAsync(cluster.Host(next), Token)).Moves);
            await AssertStreamingAsync(cluster, roles);
        }
        finally
        {
            await network.RemoveAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task What_is_stopped_is_missed_and_comes_back()
    {
        var network = await PacemakerLab.MakeHostsAsync(Token);
        try
        {
            var cluster = new PacemakerHosts(network, new PacemakerHostsOptions());
            await cluster.StartAsync(null, Token);
            var roles = await cluster.WaitUntilSoundAsync(Beginning, Token);
            var (old, next) = (roles.Primary!.Node.Name, roles.Synchronous!.Node.Name);
            var other = roles.Servers.Select(server => server.Node.Name).Single(name => name != old && name != next);

            await cluster.StopPacemakerAsync(other, Token);
            Assert.Null(cluster.Postmaster(other));
            await Poll.UntilAsync($"{other} is offline", async () => await IsOnlineAsync(cluster, old, other) is false, TimeSpan.FromMinutes(2));
            await cluster.StartPacemakerAsync(other, Token);
            await cluster.WaitUntilSoundAsync(Beginning, Token);

            await cluster.Host(old).PowerOffAsync(Token);
            await Poll.UntilAsync($"{next} is the primary", async () => (await cluster.ReadRolesAsync(next, Token))?.Primary?.Node.Name == next, TimeSpan.FromMinutes(2));
            await Poll.UntilAsync($"{other} is synchronous", async () => (await cluster.ReadRolesAsync(next, Token))?.Synchronous?.Node.Name == other, TimeSpan.FromMinutes(2));
            await cluster.BootAsync(old, Token);
            await cluster.WaitUntilOnlineAsync(old, Beginning, Token);
            Assert.Equal(next, (await cluster.ReadRolesAsync(old, Token))?.Primary?.Node.Name);
        }
        finally
        {
            await network.RemoveAsync(CancellationToken.None);
        }
    }

    private static async Task<bool?> IsOnlineAsync(PacemakerHosts cluster, string at, string node) =>
        (await PacemakerHosts.ReadAsync(cluster.Host(at), Token)).Nodes.SingleOrDefault(member => member.Name == node)?.IsOnline;

    private static async Task AssertStreamingAsync(PacemakerHosts cluster, PacemakerRoles roles) => Assert.Equal(
        string.Join('\n', roles.Servers.Where(s => s != roles.Primary).Select(s => $"{s.Node.Name} streaming")),
        await cluster.QueryAsync(roles.Primary!.Node.Name, "select application_name || ' ' || state from pg_stat_replication order by 1", Token));
}
