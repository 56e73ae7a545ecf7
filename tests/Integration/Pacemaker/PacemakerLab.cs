using PgCluster.Playground.Hosts;
using PgCluster.Playground.Pacemaker;

namespace PgCluster.Tests.Integration.Pacemaker;

/// <summary>Hosts for a real Pacemaker; where there can be none the test says so and is skipped.</summary>
internal static class PacemakerLab
{
    /// <summary>Whether there can be a Pacemaker here.</summary>
    public static bool IsPossible => WhyNot() is null;

    /// <summary>Skips the test that calls this where Pacemaker cannot be had, with what is missing.</summary>
    public static void SkipUnlessPossible()
    {
        if (WhyNot() is { } reason)
        {
            Assert.Skip(reason);
        }
    }

    /// <summary>Makes the network of the hosts; whoever calls this takes it away.</summary>
    public static async Task<HostNetwork> MakeHostsAsync(CancellationToken cancellationToken)
    {
        SkipUnlessPossible();
        try
        {
            return await HostNetwork.CreateAsync(new HostNetworkOptions(), TimeProvider.System, cancellationToken);
        }
        catch (PgClusterException e) when (e.Reason == Reason.NotSupportedHere)
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    private static string? WhyNot()
    {
        try
        {
            PacemakerPrograms.Check();
            return null;
        }
        catch (PgClusterException e) when (e.Reason is Reason.MissingProgram or Reason.AccessDenied or Reason.NotSupportedHere)
        {
            return e.Message;
        }
    }
}
