using System.Text.Json;
using PgCluster.Adapters.Process;

namespace PgCluster.Tests.Integration.Fixtures;

/// <summary>Programs of a PostgreSQL server.</summary>
/// <param name="Major">Its major version.</param>
/// <param name="Binaries">Folder of initdb and postgres.</param>
/// <param name="Libraries">Folder of its own shared libraries; null when the system has them.</param>
internal sealed record PostgresVersion(int Major, string Binaries, string? Libraries)
{
    private static readonly string _folder = Path.Combine(AppContext.BaseDirectory, "postgres-versions");

    // One installation at a time, whichever tests ask first.
    private static readonly Lazy<Task<string?>> _installed = new(() => NpmFolder.InstallAsync(_folder, "there is no PostgreSQL of another version"));

    /// <summary>A version that npm has; skips the test that asks where there is none to be had.</summary>
    internal static async Task<PostgresVersion> GetAsync(int major)
    {
        if (await _installed.Value is { } missing)
        {
            Assert.Skip(missing);
        }

        string package = Path.Combine(_folder, "node_modules", $"pg{major}");
        foreach (JsonElement link in JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(package, "native", "pg-symlinks.json"))).RootElement.EnumerateArray())
        {
            string path = Path.Combine(package, link.GetProperty("target").GetString()!);
            if (!File.Exists(path))
            {
                File.CreateSymbolicLink(path, Path.Combine(package, link.GetProperty("source").GetString()!));
            }
        }

        return new PostgresVersion(major, Path.Combine(package, "native", "bin"), Path.Combine(package, "native", "lib"));
    }

    /// <summary>Makes a folder with its programs as ones that find their libraries without being told by whoever starts them.</summary>
    internal void WrapInto(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (var program in Directory.GetFiles(Binaries))
        {
            DurableFile.Write(
                Path.Combine(folder, Path.GetFileName(program)),
                $"#!/bin/sh\nLD_LIBRARY_PATH='{Libraries}' exec '{program}' \"$@\"\n",
                (UnixFileMode)0b111_101_101);
        }
    }
}
