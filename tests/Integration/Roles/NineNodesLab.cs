using PgCluster.Tests.Integration.Failover;

namespace PgCluster.Tests.Integration.Roles;

/// <summary>Nine nodes, of which as many are members as a test asks for. Rounds are so far apart that what is seen to happen has happened at once.</summary>
public sealed class NineNodesLab : ClusterLab
{
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(5);

    protected override int Nodes => 9;

    // None of these tests is about time, and a busy machine is slow.
    protected override Dictionary<string, string> Settings => new()
    {
        ["synchronous.mode"] = "availability",
        ["roles.adjustment_interval"] = "1h",
        ["etcd.timeout"] = "8s",
        ["leader.ttl"] = "2m",
        ["failover.lock_timeout"] = "20s",
    };

    /// <summary>
    /// Whatever a test before has left: pg01 leads, there are as many members as roles, in failure domains of their place and of weight 0, all of them stream, and they have these roles, which the leader
    /// leaves as they are.
    /// </summary>
    /// <param name="roles">The role of each member, by name: V, S or P.</param>
    /// <param name="domain">The failure domain of the member at a place, from 1.</param>
    public async Task ArrangeAsync(string roles, Func<int, string> domain)
    {
        await this.ResumeAsync();
        await WaitUntilSoundAsync(Budget);
        await LeadAsync("pg01");
        var count = roles.Split(',').Length;
        var members = (await Cluster.GetNodesAsync(Token)).ToDictionary(n => n.Name, StringComparer.Ordinal);
        foreach (var (node, place) in Config.Nodes.Select((n, i) => (n, i + 1)))
        {
            var (member, zone) = (members.GetValueOrDefault(node.Name), domain(place));
            if (place > count)
            {
                await (member is null ? Task.CompletedTask : this.RemoveAsync(node.Name));
            }
            else if (member is null)
            {
                await this.AddAsync(node with { FailureDomain = zone });
            }
            else if (member.FailureDomain != zone || member.Weight != 0)
            {
                await this.SetAsync(new SetNodeRequest { Name = node.Name, FailureDomain = zone, Weight = 0 });
            }
        }

        await WaitUntilSoundAsync(Budget);
        await this.SettleAsync("pg01", roles);
    }

    /// <summary>A test before may have found a machine so busy that another node took over.</summary>
    private async Task LeadAsync(string node)
    {
        if (await PrimaryAsync() == node)
        {
            return;
        }

        var request = new FailoverRequest { Target = node };
        var report = await Cluster.RunFailoverAsync(await Cluster.PlanFailoverAsync(request, Token), request, null, Token);
        Assert.True(report.Outcome == OperationOutcome.Succeeded, report.Error);
        await WaitUntilSoundAsync(Budget);
    }
}
