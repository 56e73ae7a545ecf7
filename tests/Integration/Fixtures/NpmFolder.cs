using System.ComponentModel;
using System.Diagnostics;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>Packages of npm that tests need, installed once beside the tests.</summary>
internal static class NpmFolder
{
    /// <summary>Installs exactly what the lock file of a folder says.</summary>
    /// <param name="folder">The folder, with package.json and package-lock.json.</param>
    /// <param name="without">What the tests lack when it fails.</param>
    /// <returns>Why it is not installed; null when it is.</returns>
    internal static async Task<string?> InstallAsync(string folder, string without)
    {
        if (await RunAsync(folder, "node", "--version") is not null)
        {
            return $"node is not on the PATH, so {without}.";
        }

        // npm writes this file last, so it stands for a whole installation of exactly that lock file.
        var installed = new FileInfo(Path.Combine(folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc >= File.GetLastWriteTimeUtc(Path.Combine(folder, "package-lock.json")))
        {
            return null;
        }

        return await RunAsync(folder, "npm", "ci") is { } failure ? $"npm failed, so {without}: {failure}" : null;
    }

    // What went wrong; null when nothing did.
    private static async Task<string?> RunAsync(string folder, string program, string argument)
    {
        var start = new ProcessStartInfo(program)
        {
            ArgumentList = { argument },
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        try
        {
            using Process process = Process.Start(start)!;
            string[] output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? null : output[1].Trim();
        }
        catch (Win32Exception e)
        {
            return e.Message;
        }
    }
}
