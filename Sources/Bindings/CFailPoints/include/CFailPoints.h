#pragma once

/* Passes a fail point: see FailPoint.swift. */
void fail_point_pass(const char *name);

/* From here on the variables are these, "NAME=VALUE", a line each, and the first point is number 1. */
void fail_point_follow(const char *orders);
