using System.Diagnostics;
using System.Globalization;

namespace PgCluster.Bench.Handoff;

/// <summary>A process of this program's own that measures one takeover, says how long it took, and lives on until it is told to end.</summary>
internal sealed class Child : IAsyncDisposable
{
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(1);

    private readonly Process _process;

    private Child(Process process) => _process = process;

    public static Child Start(params string[] arguments) =>
        new(Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "PgCluster.Bench.Handoff.dll"), .. arguments])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        }) ?? throw new InvalidOperationException("dotnet did not start"));

    /// <summary>What it has measured.</summary>
    public async Task<double> MillisecondsAsync()
    {
        var line = await _process.StandardOutput.ReadLineAsync().WaitAsync(Budget);
        return double.TryParse(line, NumberStyles.Float, CultureInfo.InvariantCulture, out var milliseconds)
            ? milliseconds
            : throw new InvalidOperationException($"a takeover said '{line}'");
    }

    /// <summary>In a child: says what it has measured, and returns when it is to end.</summary>
    public static void Say(double milliseconds)
    {
        Console.Out.WriteLine(milliseconds.ToString("R", CultureInfo.InvariantCulture));
        Console.In.ReadToEnd();
    }

    public async ValueTask DisposeAsync()
    {
        using (_process)
        {
            _process.StandardInput.Close();
            await _process.WaitForExitAsync().WaitAsync(Budget);
        }
    }
}
