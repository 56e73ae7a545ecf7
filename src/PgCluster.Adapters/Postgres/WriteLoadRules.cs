using System.Globalization;

namespace PgCluster.Adapters.Postgres;

/// <summary>What options of a measurement are accepted.</summary>
internal static class WriteLoadRules
{
    public static void Check(WriteGapOptions options)
    {
        if (options.Writers is < 1 or > 1000)
        {
            throw Wrong(string.Create(CultureInfo.InvariantCulture, $"Writers is {options.Writers}; expected 1 to 1000"));
        }

        if (options.Schema is { Length: 0 } || options.Schema?.Contains('\0', StringComparison.Ordinal) == true)
        {
            throw Wrong("Schema is empty or holds a NUL character");
        }

        Between(nameof(options.PauseBetweenCommits), options.PauseBetweenCommits, TimeSpan.Zero, TimeSpan.FromMinutes(1), whole: false);
        Between(nameof(options.StatementTimeout), options.StatementTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromHours(1), whole: true);
        Between(nameof(options.ConnectTimeout), options.ConnectTimeout, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10), whole: true);
        Between(nameof(options.DrainTimeout), options.DrainTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1), whole: false);
        Between(nameof(options.VerifyTimeout), options.VerifyTimeout, TimeSpan.FromMilliseconds(1), TimeSpan.FromHours(1), whole: false);
    }

    private static void Between(string name, TimeSpan value, TimeSpan least, TimeSpan most, bool whole)
    {
        if (value < least || value > most || (whole && value.Ticks % TimeSpan.TicksPerSecond != 0))
        {
            throw Wrong(string.Create(
                CultureInfo.InvariantCulture,
                $"{name} is {value.TotalSeconds:0.###} s; expected {(whole ? "whole seconds, " : "")}{least.TotalSeconds:0.###} to {most.TotalSeconds:0.###} s"));
        }
    }

    private static PgClusterException Wrong(string what) => new(Reason.InvalidArgument, $"the write gap cannot be measured so: {what}");
}
