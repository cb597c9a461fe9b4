#pragma once

/* Passes a fail point: see FailPoint.swift. */
void fail_point_pass(const char *name);
